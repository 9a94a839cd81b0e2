"""Which images of a set can be used, and the set without those that cannot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.images.names import Names
from simgan.images.pixels import PixelRange, any_finite, check_values
from simgan.images.ranges import TypedRange
from simgan.images.sampling import evenly_spaced
from simgan.images.source import RANGE_SAMPLE, ImageSource


class LeftOut(NamedTuple):
    """An image that cannot be used."""

    place: int
    """Its index in the whole set."""
    name: str
    reason: str


def typical_image(source: ImageSource) -> int | None:
    """An image of the type and channels that most have, of a source before `settle`; None if none can be read.

    Most of those that can be read in an evenly spaced sample, as `open_images` takes it; without one, the first.
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
    """The readable images of `dtype` without NaN or infinity of an evenly spaced sample."""
    for index in evenly_spaced(len(source), RANGE_SAMPLE):
        try:
            image = source.stored(index)
            check_values(image, any_finite(image.dtype), source.where(index))
        except DataError:
            continue
        if image.dtype == dtype:
            yield image


class ReadableImages(ImageSource):
    """The images of `whole` that can be used. It closes `whole`.

    Each image is read once to find out. An image is left out if it cannot be read, differs from most in type or
    channels, or holds NaN, infinity or a value out of the pixel range.

    Args:
        whole: before `settle`.
        pixel_range: as in `open_images`.
        on_progress: called with the images read and their number.

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
                f"{whole.path}: expected images, received {len(whole)} of which none can be read; see 'simgan check'"
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
            raise DataError(f"{whole.path}: expected images, received none that can be used: {left_out[0].reason}")
        self.whole, self.left_out = whole, tuple(left_out)
        self.indices = np.array(usable, np.int64)
        super().__init__(whole.path, whole.kind, _Chosen(whole.names, self.indices), whole.label_names)
        self.no_labels = whole.no_labels
        self.key, self.layout, self.pattern = whole.key, whole.layout, whole.pattern
        self.wanted_channels, self.follow_links = whole.wanted_channels, whole.follow_links
        self.dtype, self.channels, self.pixel_range = whole.dtype, whole.channels, whole.pixel_range
        self._range_in_words = whole._range_in_words
        self.range_origin, self.other_range = whole.range_origin, whole.other_range

    def stored(self, index: int) -> NDArray[Any]:
        return self.whole.stored(int(self.indices[index]))

    def stored_many(self, indices: Sequence[int]) -> Sequence[NDArray[Any]] | NDArray[Any]:
        return self.whole.stored_many(self.indices[list(indices)].tolist())

    def size(self, index: int) -> tuple[int, int]:
        return self.whole.size(int(self.indices[index]))

    def remarks(self, index: int) -> tuple[str, ...]:
        return self.whole.remarks(int(self.indices[index]))

    def notes(self) -> tuple[str, ...]:
        return self.whole.notes()

    def _labels(self, name: str) -> NDArray[Any]:
        return self.whole.labels(name)[self.indices]

    def close(self) -> None:
        self.whole.close()


class _Chosen(Names):
    """Some of `names`."""

    def __init__(self, names: Sequence[str], indices: NDArray[np.int64]) -> None:
        self._names, self._indices = names, indices

    def __len__(self) -> int:
        return len(self._indices)

    def _name(self, index: int) -> str:
        return self._names[int(self._indices[index])]


def _can_read(source: ImageSource, index: int) -> bool:
    try:
        source.stored(index)
    except DataError:
        return False
    return True
