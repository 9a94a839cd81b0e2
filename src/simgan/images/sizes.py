"""Checking that all images of a data set have one size."""

from __future__ import annotations

from collections import Counter

from simgan.errors import DataError
from simgan.images.sampling import evenly_spaced
from simgan.images.source import ImageSource

# Images whose sizes are read: that takes a few seconds. Ours.
SIZE_SAMPLE = 20_000
_LISTED = 5


def require_one_size(source: ImageSource) -> tuple[int, int]:
    """Returns the one size (H, W) of all images, for a `source` that is used without resizing.

    Of a data set with more than SIZE_SAMPLE images, only an evenly spaced sample is checked here. Therefore `source`
    raises DataError whenever it later reads an image of another size.

    Raises:
        DataError: the images have several sizes. The message lists the sizes and how many images have each.
    """
    indices = evenly_spaced(len(source), SIZE_SAMPLE)
    counts = Counter(source.size(index) for index in indices)
    if len(counts) > 1:
        listed = ", ".join(f"{height}x{width} ({count})" for (height, width), count in counts.most_common(_LISTED))
        more = ", ..." if len(counts) > _LISTED else ""
        raise DataError(
            f"{source.path}: expected images of one size, received {len(counts)} sizes: {listed}{more}; "
            "for training, choose one with --size HxW, or cut crops of one size with --crop HxW"
        )
    size = next(iter(counts))
    source.require_size(size)
    return size
