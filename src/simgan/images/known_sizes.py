"""The sizes of images that were read, for those who ask after the reading."""

from __future__ import annotations

from array import array
from typing import Any

from numpy.typing import NDArray


class KnownSizes:
    """(H, W) of as many of `count` images as were read: 8 bytes each. Opening an image again takes longer."""

    def __init__(self, count: int) -> None:
        self._sides = array("I", [0]) * (2 * count)  # 0: not yet read

    def note(self, index: int, image: NDArray[Any]) -> NDArray[Any]:
        """Remembers, and gives back, (H, W, C) `image`."""
        # The width last: a thread that sees it sees both.
        self._sides[2 * index + 1], self._sides[2 * index] = image.shape[:2]
        return image

    def of(self, index: int) -> tuple[int, int] | None:
        """(H, W) of image `index`, None if it was not read."""
        width = self._sides[2 * index]
        return (self._sides[2 * index + 1], width) if width else None
