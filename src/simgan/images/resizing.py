"""Resizing for training. Refined images are written at the size that was read."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError


def resize(image: NDArray[Any], size: tuple[int, int]) -> NDArray[np.float32]:
    """Resizes an image (h, w, C) of floats to (H, W, C) float32, `size` being (H, W), without aliasing.

    Bilinear (a triangle filter); when shrinking, the filter grows with the factor, so that every input pixel counts.
    Values stay within those of the input. Raises DataError if the shape is not (h, w, C) or `size` is not positive.
    """
    from PIL import Image  # imported on use, like every decoder

    if image.ndim != 3 or 0 in image.shape or min(size) < 1:
        raise DataError(
            f"resize: expected an image H x W x C and a size of at least 1x1, received {image.shape} and "
            f"{size[0]}x{size[1]}; give another --size HxW"
        )
    image = image.astype(np.float32, copy=False)
    if image.shape[:2] == tuple(size):
        return image
    height, width = size
    planes = [
        np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR))
        for plane in np.ascontiguousarray(np.moveaxis(image, 2, 0))  # (C, h, w)
    ]
    return np.stack(planes, axis=2)  # (H, W, C)
