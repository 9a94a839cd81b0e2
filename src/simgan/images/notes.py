"""What is unusual, though usable, about a data set: said by `check`, and before any work by every other command.

What would spoil labels or numbers is no note but a DataError.
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

# Enough to meet what is usual in a set, and read in a second or two. Ours.
NOTE_SAMPLE = 64
_DARK_16_BITS = 65536 / 4  # below it two of the sixteen bits are unused
_STRETCH = 1.05  # a ratio of height to width may change by so much unnoticed
_SCALE = 2.0  # times the size of training: textures look different


class Note(NamedTuple):
    """One line about a data set."""

    text: str
    warning: bool = False
    """Whether the result is likely to be wrong."""

    def line(self, path: Path) -> str:
        """What a command prints about the data set at `path`."""
        return f"{'warning' if self.warning else 'note'}: {path}: {self.text}"


@dataclass
class Seen:
    """What was seen of the images of a set so far; pixels of those of its type, finite ones alone."""

    sampled: bool = False
    """Whether these are some of the images alone."""
    readable: int = 0
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    minimum: float = math.inf
    maximum: float = -math.inf
    total: float = 0.0
    pixels: int = 0
    remarks: Counter[str] = field(default_factory=Counter)
    first_with: dict[str, str] = field(default_factory=dict)

    def image(self, source: ImageSource, index: int, image: NDArray[Any]) -> None:
        """Adds image `index` of `source`, (H, W, C)."""
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
                self.remark("with the same value everywhere", source.names[index])

    def remark(self, text: str, name: str) -> None:
        """Counts what is unusual about the image `name`."""
        self.remarks[text] += 1
        self.first_with.setdefault(text, name)


def sample_notes(
    source: ImageSource,
    *,
    flag: str = "--range",
    resized_to: tuple[int, int] | None = None,
    trained_at: tuple[int, int] | None = None,
) -> tuple[Note, ...]:
    """Notes on a set of which NOTE_SAMPLE evenly spaced images are read.

    Images that cannot be used are passed over: whoever uses them says so.

    Args:
        flag: the option, of the command that says the notes, which gives the pixel range.
        resized_to: (H, W) that every image is resized to in training.
        trained_at: (H, W) that R was trained at, of images that R is to refine at their own size.
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
    """Notes on a settled set of which `seen` was seen, in lines that can be printed. `flag`: as in `sample_notes`."""
    found = [*_range_notes(source, seen, flag), *_channel_notes(source, seen), *_remark_notes(seen)]
    found += [Note(text) for text in source.notes()]
    return tuple(Note(printable(note.text), note.warning) for note in found)


def _range_notes(source: ImageSource, seen: Seen, flag: str) -> list[Note]:
    if not seen.pixels or (source.dtype.kind == "f" and source.pixel_range == any_finite(source.dtype)):
        return []  # nothing to go by, or `check` goes on after no range fitted
    notes, used, other = [], source.pixel_range, source.other_range
    if other is not None:
        kept = "their own range" if source.range_origin == "type" else "the range that is usual for their values"
        notes.append(
            Note(
                f"the range of {other.known_from}, {other.pixel_range}, is one of {other.dtype} pixels; these are "
                f"{source.dtype}, so {kept} is used"
            )
        )
    small = seen.maximum - seen.minimum < SMALL_PART * (used.high - used.low)
    values = f"{source.dtype} pixels in {seen.minimum:g} to {seen.maximum:g}"
    if source.range_origin == "inferred":
        text = f"{values} are taken for {used}; where that is wrong, give {flag} LOW HIGH"
        hardly_negative = used.low < 0 and seen.minimum > SMALL_PART * used.low  # [0, 1] that a filter overshot
        doubt = " (they fill under a tenth of it)" if small else " (hardly below 0)" if hardly_negative else ""
        notes.append(Note(text + doubt, warning=bool(doubt)))
    elif source.range_origin == "type" and source.dtype == np.uint16 and seen.maximum < _DARK_16_BITS:
        notes.append(_dark_note(seen, flag))
    elif source.range_origin != "type" and small and used != _full_range(source.dtype):
        text = f"{values} fill under a tenth of {used}, the range that is {source.range_origin}"
        notes.append(Note(f"{text}; where it is another, give {flag} LOW HIGH", True))
    return notes


def _full_range(dtype: np.dtype[Any]) -> PixelRange | None:
    return PixelRange.of(dtype) if dtype.kind == "u" else None


def _dark_note(seen: Seen, flag: str) -> Note:
    levels, bits = int(seen.maximum) + 1, max(1, math.ceil(math.log2(seen.maximum + 1)))
    return Note(
        f"the brightest of 16 bits is {seen.maximum:g}: only {levels:,} of 65,536 levels are used; if the images have "
        f"fewer bits, give their range: {flag} 0 {2**bits - 1} for {bits} bits",
        levels < SMALL_PART * 65536,
    )


def _channel_notes(source: ImageSource, seen: Seen) -> list[Note]:
    heights = [height for (height, _), _ in seen.sizes.most_common(1)]
    if not heights or not source.channels > 4 >= heights[0]:
        return []
    return [
        Note(
            f"{source.channels} channels in images {heights[0]} high: transpose them if the channels come first", True
        )
    ]


def size_notes(seen: Seen) -> tuple[Note, ...]:
    """A note if there are several sizes, which only training minds."""
    if len(seen.sizes) < 2:
        return ()
    ((height, width), count) = seen.sizes.most_common(1)[0]
    return (
        Note(
            f"{len(seen.sizes)} sizes, most often {height}x{width} ({count} of {seen.readable}); "
            "training needs --size HxW"
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
        f"{sum(stretched.values())} of {seen.readable} image(s) looked at have another ratio of height to width than "
        f"{size[0]}x{size[1]} and are stretched to it, by up to {stretch(height, width):.2f} ({height}x{width}); crop "
        "them, or choose --size in their ratio"
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
        f"{sum(others.values())} of {seen.readable} image(s) looked at are much larger or smaller than "
        f"{trained_at[0]}x{trained_at[1]}, the size of training ({height}x{width}, say): R only changes detail of the "
        "scale that it was trained at; bring them to that size first, or train at theirs"
    )
    return (Note(text),)


def _remark_notes(seen: Seen) -> list[Note]:
    of, looked_at = (f" of {seen.readable}", " looked at") if seen.sampled else ("", "")
    return [
        Note(f"{count}{of} image(s){looked_at} {text}, the first {seen.first_with[text]!r}")
        for text, count in seen.remarks.items()
    ]
