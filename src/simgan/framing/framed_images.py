"""Synthetic images with the framing of the photographs, as R sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from simgan.framing.quantiles import FramingMap
from simgan.images import ImageSource, PixelRange


class FramedImages(ImageSource):
    """The images of `whole`, each framed by a map, in the type in which they are stored. `close` closes `whole` too.

    Framed integers are rounded. So a framed set takes as much memory as `whole`, and R sees the same pixels whether
    images are read one by one or kept in memory. An image that the map does not change keeps every pixel.
    """

    def __init__(self, whole: ImageSource, framing: FramingMap) -> None:
        super().__init__(whole.path, whole.kind, whole.names, whole.label_names)
        self.whole, self.framing = whole, framing
        self._take_after(whole)

    def stored(self, index: int) -> NDArray[Any]:
        """Image `index`, framed; an image that cannot be used raises DataError."""
        return _frame(self.whole[index], self.framing, self.pixel_range)

    def size(self, index: int) -> tuple[int, int]:
        """See `ImageSource.size`."""
        return self.whole.size(index)

    def labels(self, name: str, indices: Sequence[int] | None = None) -> NDArray[Any]:
        """See `ImageSource.labels`."""
        return self.whole.labels(name, indices)

    def label_classes(self, name: str) -> tuple[str, ...]:
        """See `ImageSource.label_classes`."""
        return self.whole.label_classes(name)

    def __getitem__(self, index: SupportsIndex) -> NDArray[Any]:
        """See `ImageSource`. The image has been checked before it was framed, so it needs no further check."""
        return self.stored(self._position(index))

    def read(self, indices: Sequence[SupportsIndex]) -> list[NDArray[Any]]:
        """See `ImageSource.read`."""
        return [_frame(image, self.framing, self.pixel_range) for image in self.whole.read(indices)]

    def close(self) -> None:
        """See `ImageSource.close`."""
        self.whole.close()


def framed(source: ImageSource, framing: FramingMap | None) -> ImageSource:
    """The images of `source` as R sees them: framed if the run has a map."""
    return source if framing is None else FramedImages(source, framing)


def frame_images(images: NDArray[Any], framing: FramingMap | None, pixel_range: PixelRange) -> NDArray[Any]:
    """Stored images (N, H, W, C) as R sees them: framed if the run has a map."""
    if framing is None or not len(images):
        return images
    return np.stack([_frame(image, framing, pixel_range) for image in images])


def _frame(image: NDArray[Any], framing: FramingMap, pixel_range: PixelRange) -> NDArray[Any]:
    """A stored image (H, W, C), framed, in its type."""
    given = pixel_range.to_model(image)
    changed = framing.frame(given)
    return image if changed is given else pixel_range.from_model(changed, image.dtype)
