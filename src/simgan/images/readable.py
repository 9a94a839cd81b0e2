"""Finding the images of a data set that can be used, and reading only those."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.images.chosen import ChosenImages
from simgan.images.pixels import PixelRange, any_finite, check_values
from simgan.images.ranges import TypedRange
from simgan.images.sampling import evenly_spaced
from simgan.images.source import RANGE_SAMPLE, ImageSource


class LeftOut(NamedTuple):
    """An image that is left out because it cannot be used."""

    place: int
    """Index of the image in the whole data set."""
    name: str
    reason: str


def typical_image(source: ImageSource) -> int | None:
    """The index of an image with the most common pixel type and number of channels; None if no image can be read.

    `source`: before `settle`. The most common type is that in a sample of RANGE_SAMPLE evenly spaced images. If no
    image of the sample can be read, the first readable image of the data set is returned.
    """
    kinds: Counter[tuple[str, int]] = Counter()
    first: dict[tuple[str, int], int] = {}
    for index in evenly_spaced(len(source), RANGE_SAMPLE):
        with suppress(DataError):
            image = source.stored(index)
            kind = (image.dtype.name, image.shape[2])
            kinds[kind] += 1
            first.setdefault(kind, index)
    if kinds:
        return first[kinds.most_common(1)[0][0]]
    return next((index for index in range(len(source)) if _can_read(source, index)), None)


def readable_sample(source: ImageSource, dtype: np.dtype[Any]) -> Iterator[NDArray[Any]]:
    """The images of type `dtype`, readable and without NaN or infinity, in an evenly spaced sample."""
    for index in evenly_spaced(len(source), RANGE_SAMPLE):
        try:
            image = source.stored(index)
            check_values(image, any_finite(image.dtype), source.where(index))
        except DataError:
            continue
        if image.dtype == dtype:
            yield image


class ReadableImages(ChosenImages):
    """The images of the data set `whole` that can be used. Closing this source closes `whole`.

    The constructor reads each image once. It leaves out an image that cannot be read, differs from most images in type
    or channels, or holds NaN, infinity or a value outside the pixel range.

    Args:
        whole: the whole data set, before `settle`.
        pixel_range: as in `open_images`.
        on_progress: called after each image with the number of images read and the number of all images.

    Raises:
        DataError: no image can be used, or no pixel range fits.
    """

    def __init__(
        self,
        whole: ImageSource,
        pixel_range: PixelRange | TypedRange | None,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        typical = typical_image(whole)
        if typical is None:
            raise DataError(
                f"{whole.path}: expected images, received {len(whole)}, none of which can be read; "
                "'simgan check' lists the reasons"
            )
        dtype = whole.stored(typical).dtype
        whole.settle(pixel_range, like=typical, sample=readable_sample(whole, dtype))
        usable, left_out = [], []
        for index in range(len(whole)):
            try:
                whole.check(index, whole.stored(index))
                usable.append(index)
            except DataError as error:
                left_out.append(LeftOut(index, whole.names[index], str(error)))
            on_progress(index + 1, len(whole))
        if not usable:
            raise DataError(
                f"{whole.path}: expected images, received no image that can be used; the first: {left_out[0].reason}"
            )
        super().__init__(whole, usable)
        self.left_out = tuple(left_out)


def _can_read(source: ImageSource, index: int) -> bool:
    try:
        source.stored(index)
    except DataError:
        return False
    return True
