"""Reads samples of two data sets at one size, so that they can be compared pixel by pixel."""

import numpy as np
from numpy.typing import NDArray

from simgan.images.channels import check_same_channels
from simgan.images.resizing import resize
from simgan.images.sampling import evenly_spaced
from simgan.images.source import ImageSource

_SAMPLE = 512  # images of each set: enough for a mean, read in a second or two
_PIXELS = 128 * 128  # larger images are compared at about this size


def comparable_samples(
    one: ImageSource, other: ImageSource, size: tuple[int, int] | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Up to 512 evenly spaced images of each set, (N, H, W, C) in [-1, 1].

    Args:
        one, other: the sets.
        size: (H, W) of the result; by default the size of the first image of `one`. Large images are shrunk.

    Raises:
        DataError: the sets differ in channels, or an image cannot be read.
    """
    check_same_channels(one, other)
    height, width = size or one.size(0)
    shrink = min(1.0, (_PIXELS / (height * width)) ** 0.5)
    common = max(8, round(height * shrink)), max(8, round(width * shrink))
    first, second = (
        np.stack(
            [
                resize(source.pixel_range.to_model(image), common)
                for image in source.read(evenly_spaced(len(source), _SAMPLE))
            ]
        )
        for source in (one, other)
    )
    return first, second
