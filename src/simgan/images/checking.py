"""`inspect_images`: reads every image of a data set and reports what was found, for `simgan check PATH`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from simgan.errors import DataError
from simgan.images.notes import Seen, notes_on, size_notes
from simgan.images.opening import find_images
from simgan.images.pixels import PixelRange, any_finite
from simgan.images.ranges import TypedRange
from simgan.images.readable import readable_sample, typical_image
from simgan.images.source import ImageSource
from simgan.settings.choices import Channels, Layout

# Problems that are listed. Ours: more do not help, and a folder of a million wrong files must not fill the screen.
MAX_PROBLEMS = 20


@dataclass(frozen=True)
class LabelReport:
    """Shape (N, ...) and type of the array of one label."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class ImageReport:
    """What a data set contains. The data set can be used for training if `problem_count` is 0.

    `sizes` counts the images of each (height, width). `dtype` and `channels` are those of most images, None if no
    image can be read. `pixel_range` is None if no known range fits. `minimum`, `maximum` and `mean` are over the
    finite stored pixels of the images of type `dtype`, NaN if there are none. `problems` holds one line for each of
    the first MAX_PROBLEMS problems; `problem_count` counts all. `notes` are remarks on a usable data set; notes that
    make a wrong result likely are in `warnings` as well."""

    path: Path
    kind: str
    count: int
    readable: int
    sizes: Counter[tuple[int, int]]
    dtype: np.dtype[Any] | None
    channels: int | None
    pixel_range: PixelRange | None
    minimum: float
    maximum: float
    mean: float
    labels: dict[str, LabelReport]
    problems: tuple[str, ...]
    problem_count: int
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


@dataclass
class _Problems:
    """Messages of the first MAX_PROBLEMS problems, and the number of all problems."""

    first: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, message: str) -> None:
        self.count += 1
        if self.count <= MAX_PROBLEMS:
            self.first.append(message)


def inspect_images(
    path: str | PathLike[str],
    *,
    key: str | None = None,
    layout: Layout | None = None,
    pixel_range: PixelRange | TypedRange | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    images: str | None = None,
    channels: Channels = None,
    follow_links: bool = True,
    flag: str = "--range",
) -> ImageReport:
    """Reads every image and every label at `path`, and continues after one that cannot be used.

    `key`, `layout`, `pixel_range`, `images`, `channels` and `follow_links`: as in `open_images`. `flag` is the option
    that notes advise for another pixel range.
    `on_progress(done, total)` is called after each image. Raises DataError if no images are found: the path does not
    exist, the file is not an HDF5 or NumPy file, or several arrays could be the images.
    """
    if isinstance(pixel_range, PixelRange):
        pixel_range.check_width()
    with find_images(path, key, layout, images=images, channels=channels, follow_links=follow_links) as source:
        seen, problems = Seen(), _Problems()
        fits = _settle(source, pixel_range, problems)
        for index in range(len(source)):
            _check_image(source, index, seen, problems)
            if on_progress is not None:
                on_progress(index + 1, len(source))
        labels = _labels(source, problems)
        return _report(source, fits, seen, problems, labels, flag)


def _settle(source: ImageSource, pixel_range: PixelRange | TypedRange | None, problems: _Problems) -> bool:
    """Calls `source.settle` with an image whose type and channels are the most common.

    Returns whether a pixel range fits. If there is an error, it is added to `problems`.
    """
    typical = typical_image(source)
    if typical is None:
        return False
    dtype = source.stored(typical).dtype
    try:
        source.settle(pixel_range, like=typical, sample=readable_sample(source, dtype))
    except DataError as error:
        problems.add(str(error))
        source.settle(any_finite(dtype), like=typical)
        return False
    return True


def _check_image(source: ImageSource, index: int, seen: Seen, problems: _Problems) -> None:
    try:
        image = source.stored(index)
        seen.image(source, index, image)
        source.check(index, image)
        for text in source.remarks(index):
            seen.remark(text, source.names[index])
    except DataError as error:
        problems.add(str(error))


def _labels(source: ImageSource, problems: _Problems) -> dict[str, LabelReport]:
    labels = {}
    for name in source.label_names:
        try:
            labels[name] = LabelReport(*source.inspect_label(name))
        except DataError as error:
            problems.add(str(error))
    return labels


def _report(
    source: ImageSource, fits: bool, seen: Seen, problems: _Problems, labels: dict[str, LabelReport], flag: str
) -> ImageReport:
    known = seen.readable > 0
    notes = (*size_notes(seen), *notes_on(source, seen, flag=flag))
    return ImageReport(
        path=source.path,
        kind=source.kind,
        count=len(source),
        readable=seen.readable,
        sizes=seen.sizes,
        dtype=source.dtype if known else None,
        channels=source.channels if known else None,
        pixel_range=source.pixel_range if fits else None,
        minimum=seen.minimum if seen.pixels else math.nan,
        maximum=seen.maximum if seen.pixels else math.nan,
        mean=seen.total / seen.pixels if seen.pixels else math.nan,
        labels=labels,
        problems=tuple(problems.first),
        problem_count=problems.count,
        notes=tuple(note.text for note in notes),
        warnings=tuple(note.text for note in notes if note.warning),
    )
