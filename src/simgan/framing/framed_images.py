"""Synthetic images with the framing of the photographs, as R sees them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.framing.quantiles import FramingMap
from simgan.images import ImageSource, PixelRange
from simgan.images.changed import ChangedImages


class FramedImages(ChangedImages):
    """The images of `whole`, each framed by a map. An image that the map does not change keeps every pixel."""

    def __init__(self, whole: ImageSource, framing: FramingMap) -> None:
        super().__init__(whole)
        self.framing = framing

    def change(self, index: int, image: NDArray[Any]) -> NDArray[Any]:
        """See `ChangedImages.change`."""
        return _frame(image, self.framing, self.pixel_range)


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
