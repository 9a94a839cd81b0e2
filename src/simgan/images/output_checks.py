"""Checks of an output before it is written, and of the images before they are written into it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.images.pixels import check_values, within
from simgan.images.source import ImageSource


def check_output(output: Path, original: Path, suffixes: tuple[str, ...]) -> None:
    """Raises DataError if `output` exists, or if its folder or suffix is not allowed.

    Args:
        output: where a data set is to be written.
        original: the data set that it is made from, which must not contain it.
        suffixes: allowed suffixes; empty: any.
    """
    absolute, inside = output.absolute(), original.resolve()
    if os.path.lexists(absolute):
        raise DataError(
            f"{output}: expected a name not in use, received one that exists; remove it or choose another name"
        )
    if not absolute.parent.is_dir():
        raise DataError(f"{output}: expected an existing folder to write to, received none; create it first")
    if (absolute.parent.resolve() / absolute.name).is_relative_to(inside):
        raise DataError(f"{output}: expected an output outside of {original}, received one inside; choose another")
    if suffixes and output.suffix.lower() not in suffixes:
        raise DataError(
            f"{output}: expected a name ending in {' or '.join(suffixes)}, like the input, received "
            f"{output.suffix!r}; the output has the format of the input, so change the name"
        )


def check_images(
    source: ImageSource, output: Path, indices: Sequence[int], images: Sequence[NDArray[Any]] | NDArray[Any]
) -> None:
    """Raises DataError unless `images` have the size, type and range of the images of `source` at `indices`."""
    if len(indices) != len(images):
        raise DataError(
            f"{output}: expected one image for each index, received {len(indices)} indices and {len(images)} "
            "images; give as many of both"
        )
    for index, image in zip(indices, images, strict=True):
        expected = (*source.size(index), source.channels)
        if image.shape != expected or image.dtype != source.dtype:
            raise DataError(
                f"{source.where(index)}: expected shape {expected} and type {source.dtype}, as in the input, "
                f"received {image.shape} {image.dtype}; use PixelRange.from_model and keep the size"
            )
    if isinstance(images, np.ndarray) and within(images, source.pixel_range):
        return
    for index, image in zip(indices, images, strict=True):
        check_values(image, source.pixel_range, f"refined {source.where(index)}")
