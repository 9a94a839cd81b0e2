"""The one size of the images of a data set."""

from __future__ import annotations

from collections import Counter

from simgan.errors import DataError
from simgan.images.sampling import evenly_spaced
from simgan.images.source import ImageSource

# Reading the sizes takes a few seconds. Ours.
SIZE_SAMPLE = 20_000
_LISTED = 5


def require_one_size(source: ImageSource) -> tuple[int, int]:
    """Holds `source`, which is to be used without resizing, to the one size (H, W) that its images have.

    Beyond SIZE_SAMPLE images only an evenly spaced sample is looked at; therefore reading an image of another size
    from then on raises DataError.

    Raises:
        DataError: there are several sizes; they are listed with their counts.
    """
    indices = evenly_spaced(len(source), SIZE_SAMPLE)
    counts = Counter(source.size(index) for index in indices)
    if len(counts) > 1:
        listed = ", ".join(f"{height}x{width} ({count})" for (height, width), count in counts.most_common(_LISTED))
        more = ", ..." if len(counts) > _LISTED else ""
        raise DataError(
            f"{source.path}: expected images of one size, received {len(counts)} sizes: {listed}{more}; "
            "give one with --size HxW"
        )
    size = next(iter(counts))
    source.require_size(size)
    return size
