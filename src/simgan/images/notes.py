"""Notes on what is unusual about a data set that can be used. Every command prints them before it starts its work.

A fault that would make labels or pixel values wrong is not a note: it raises DataError.
"""

from __future__ import annotations

import math
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError, printable
from simgan.images.pixels import SMALL_PART, PixelRange, any_finite
from simgan.images.sampling import evenly_spaced
from simgan.images.source import ImageSource

# Images that are read for the notes. Enough to find what is common in a set, and read in a second or two. Ours.
NOTE_SAMPLE = 64
_DARK_16_BITS = 65536 / 4  # if all pixels are below this, the upper two of the sixteen bits are unused
_STRETCH = 1.05  # a change of the ratio of height to width by a smaller factor is not worth a note
_SCALE = 2.0  # images that are this many times larger or smaller than in training look different in detail


class Note(NamedTuple):
    """One line of text about a data set."""

    text: str
    warning: bool = False
    """Whether a wrong result is likely."""

    def line(self, path: Path) -> str:
        """The line that a command prints about the data set at `path`."""
        return f"{'warning' if self.warning else 'note'}: {path}: {self.text}"


@dataclass
class Seen:
    """Statistics of the images of a data set that were read so far.

    `minimum`, `maximum`, `total` and `pixels` cover the finite pixels of images that have the type of the data set.
    """

    sampled: bool = False
    """Whether only a sample of the images is read."""
    readable: int = 0
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    minimum: float = math.inf
    maximum: float = -math.inf
    total: float = 0.0
    pixels: int = 0
    remarks: Counter[str] = field(default_factory=Counter)
    first_with: dict[str, str] = field(default_factory=dict)

    def image(self, source: ImageSource, index: int, image: NDArray[Any]) -> None:
        """Adds `image`, (H, W, C), which is image `index` of `source`."""
        self.readable += 1
        self.sizes[image.shape[:2]] += 1
        if image.dtype != source.dtype:
            return
        finite = image[np.isfinite(image)] if image.dtype.kind == "f" else image
        if finite.size:
            low, high = float(finite.min()), float(finite.max())
            self.minimum, self.maximum = min(self.minimum, low), max(self.maximum, high)
            self.total += float(finite.sum(dtype=np.float64))
            self.pixels += finite.size
            if low == high:
                self.remark("have one pixel value everywhere", source.names[index])

    def remark(self, text: str, name: str) -> None:
        """Counts one image, `name`, to which the remark `text` applies."""
        self.remarks[text] += 1
        self.first_with.setdefault(text, name)


def sample_notes(
    source: ImageSource,
    *,
    flag: str = "--range",
    resized_to: tuple[int, int] | None = None,
    trained_at: tuple[int, int] | None = None,
) -> tuple[Note, ...]:
    """Notes on a data set. Reads NOTE_SAMPLE evenly spaced images of it.

    Images that cannot be used are skipped: the code that uses them later raises the error.

    Args:
        flag: the command line option for the pixel range, which the notes recommend.
        resized_to: (H, W) that every image is resized to in training.
        trained_at: (H, W) that R was trained at; R refines the images of `source` at their own size.
    """
    seen = Seen(sampled=len(source) > NOTE_SAMPLE)
    for index in evenly_spaced(len(source), NOTE_SAMPLE):
        with suppress(DataError):
            seen.image(source, index, source[index])
            for text in source.remarks(index):
                seen.remark(text, source.names[index])
    notes = notes_on(source, seen, flag=flag)
    notes += _stretch_notes(seen, resized_to) if resized_to else ()
    notes += _scale_notes(seen, trained_at) if trained_at else ()
    return notes


def notes_on(source: ImageSource, seen: Seen, *, flag: str = "--range") -> tuple[Note, ...]:
    """Notes on `source` from the statistics in `seen`, with printable texts. Call `source.settle` before.

    `flag`: as in `sample_notes`.
    """
    found = [*_range_notes(source, seen, flag), *_channel_notes(source, seen), *_remark_notes(seen)]
    found += [Note(text) for text in source.notes()]
    return tuple(Note(printable(note.text), note.warning) for note in found)


def _range_notes(source: ImageSource, seen: Seen, flag: str) -> list[Note]:
    if not seen.pixels or (source.dtype.kind == "f" and source.pixel_range == any_finite(source.dtype)):
        return []  # no pixels were read, or `check` continues although no pixel range fits
    notes, used, other = [], source.pixel_range, source.other_range
    if other is not None:
        kept = "the full range of that type" if source.range_origin == "type" else "a range that fits their values"
        notes.append(
            Note(
                f"the pixel range of {other.known_from}, {other.pixel_range}, is for {other.dtype} pixels; these "
                f"images are {source.dtype}, so {kept} is used instead"
            )
        )
    small = seen.maximum - seen.minimum < SMALL_PART * (used.high - used.low)
    values = f"{source.dtype} pixels from {seen.minimum:g} to {seen.maximum:g}"
    if source.range_origin == "inferred":
        text = f"{values}: the pixel range is assumed to be {used}; if that is wrong, give {flag} LOW HIGH"
        # Such values are likely from [0, 1], where a resampling filter overshot.
        hardly_negative = used.low < 0 and seen.minimum > SMALL_PART * used.low
        doubt = (
            " (the values fill less than a tenth of it)"
            if small
            else " (the values are hardly below 0)"
            if hardly_negative
            else ""
        )
        notes.append(Note(text + doubt, warning=bool(doubt)))
    elif source.range_origin == "type" and source.dtype == np.uint16 and seen.maximum < _DARK_16_BITS:
        notes.append(_dark_note(seen, flag))
    elif source.range_origin != "type" and small and used != _full_range(source.dtype):
        text = f"{values} fill less than a tenth of {used}{source.range_in_words or ', the given range'}"
        notes.append(Note(f"{text}; if that range is wrong, give {flag} LOW HIGH", True))
    return notes


def _full_range(dtype: np.dtype[Any]) -> PixelRange | None:
    return PixelRange.of(dtype) if dtype.kind == "u" else None


def _dark_note(seen: Seen, flag: str) -> Note:
    levels, bits = int(seen.maximum) + 1, max(1, math.ceil(math.log2(seen.maximum + 1)))
    return Note(
        f"the brightest 16-bit pixel is {seen.maximum:g}, so only {levels:,} of 65,536 levels are used; if the camera "
        f"or renderer has fewer bits, give the range, such as {flag} 0 {2**bits - 1} for {bits} bits",
        levels < SMALL_PART * 65536,
    )


def _channel_notes(source: ImageSource, seen: Seen) -> list[Note]:
    heights = [height for (height, _), _ in seen.sizes.most_common(1)]
    if not heights or not source.channels > 4 >= heights[0]:
        return []
    return [
        Note(
            f"the images have {source.channels} channels and a height of {heights[0]}: if the channels come first in "
            "the array, transpose it",
            True,
        )
    ]


def size_notes(seen: Seen) -> tuple[Note, ...]:
    """A note if the images have several sizes, which only training cannot use as they are."""
    if len(seen.sizes) < 2:
        return ()
    ((height, width), count) = seen.sizes.most_common(1)[0]
    return (
        Note(
            f"images of {len(seen.sizes)} sizes, most often {height}x{width} ({count} of {seen.readable}); "
            "training needs one size: --size HxW, or crops: --crop HxW"
        ),
    )


def _stretch_notes(seen: Seen, size: tuple[int, int]) -> tuple[Note, ...]:
    def stretch(height: int, width: int) -> float:
        ratio = (width / height) / (size[1] / size[0])
        return max(ratio, 1 / ratio)

    stretched = {one: count for one, count in seen.sizes.items() if stretch(*one) > _STRETCH}
    if not stretched:
        return ()
    height, width = max(stretched, key=lambda one: stretch(*one))
    text = (
        f"{sum(stretched.values())} of {seen.readable} images in a sample do not have the ratio of height to width of "
        f"{size[0]}x{size[1]}; resizing stretches them by a factor of up to {stretch(height, width):.2f} "
        f"({height}x{width}); crop the images, or choose a --size of their ratio"
    )
    return (Note(text),)


def _scale_notes(seen: Seen, trained_at: tuple[int, int]) -> tuple[Note, ...]:
    def scale(height: int, width: int) -> float:
        ratio = math.sqrt(height * width / (trained_at[0] * trained_at[1]))
        return max(ratio, 1 / ratio)

    others = {one: count for one, count in seen.sizes.items() if scale(*one) > _SCALE}
    if not others:
        return ()
    height, width = max(others, key=lambda one: scale(*one))
    text = (
        f"{sum(others.values())} of {seen.readable} images in a sample are much larger or smaller than "
        f"{trained_at[0]}x{trained_at[1]}, the size in training (one is {height}x{width}); R changes only detail of "
        "the scale on which it was trained; resize the images to the size in training, or train at their size"
    )
    return (Note(text),)


def _remark_notes(seen: Seen) -> list[Note]:
    images = f" of {seen.readable} images in a sample" if seen.sampled else " image(s)"
    return [
        Note(f"{count}{images} {text}, the first {seen.first_with[text]!r}") for text, count in seen.remarks.items()
    ]
