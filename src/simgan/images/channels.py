"""Channels of images: conversion between grey and colour, and whether two data sets have the same channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError

if TYPE_CHECKING:
    from simgan.images.source import ImageSource

# ITU-R 601 luma in 65536ths, as Pillow's convert('L') uses it.
_LUMA = np.array([19595, 38470, 7471], np.uint64)


def to_channels(image: NDArray[Any], channels: int | None) -> NDArray[Any]:
    """Converts `image`, (H, W, C), to 1 or 3 channels of the same pixel type.

    If `channels` is None, or C is neither 1 nor 3, the image is returned unchanged.
    """
    if channels == 3 and image.shape[2] == 1:
        return np.repeat(image, 3, axis=2)
    if channels == 1 and image.shape[2] == 3:
        if image.dtype.kind == "f":
            return (image @ (_LUMA / 65536).astype(image.dtype))[..., np.newaxis]  # type: ignore[no-any-return]
        luma = (image.astype(np.uint64) @ _LUMA + 0x8000) >> np.uint64(16)
        return luma.astype(image.dtype)[..., np.newaxis]
    return image


def check_same_channels(one: ImageSource, other: ImageSource) -> None:
    """Raises DataError unless the images of both data sets have the same number of channels."""
    if one.channels != other.channels:
        raise DataError(
            f"channels: expected the same number in both data sets, received {one.channels} in {one.path} and "
            f"{other.channels} in {other.path}; --channels 1 reads all picture files as grey, --channels 3 as RGB; "
            "convert arrays yourself."
        )
