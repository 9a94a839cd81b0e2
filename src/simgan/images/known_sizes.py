"""Remembering the sizes of images that were read, because opening an image again takes longer."""

from __future__ import annotations

from array import array
from typing import Any

from numpy.typing import NDArray


class KnownSizes:
    """(H, W) of those of `count` images that were read so far, in 8 bytes for each image."""

    def __init__(self, count: int) -> None:
        self._sides = array("I", [0]) * (2 * count)  # 0: not yet read

    def note(self, index: int, image: NDArray[Any]) -> NDArray[Any]:
        """Remembers the size of `image`, (H, W, C), which is image `index`, and returns `image`."""
        # The width is written last, so a thread that reads a width above 0 also finds the height.
        self._sides[2 * index + 1], self._sides[2 * index] = image.shape[:2]
        return image

    def of(self, index: int) -> tuple[int, int] | None:
        """(H, W) of image `index`; None if that image was not read yet."""
        width = self._sides[2 * index]
        return (self._sides[2 * index + 1], width) if width else None
