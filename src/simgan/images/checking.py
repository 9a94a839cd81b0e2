"""`inspect_images`: every image of a data set read once, for `simgan check PATH`."""

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

# Ours: more is no help, and a folder of a million wrong files must not fill the screen.
MAX_PROBLEMS = 20


@dataclass(frozen=True)
class LabelReport:
    """Shape (N, ...) and type of one label."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class ImageReport:
    """What is in a data set. It can be used for training if `problem_count` is 0.

    `sizes` counts (height, width); `dtype` and `channels` are those that most have, None if none can be read;
    `pixel_range` is None if none fits. `minimum`, `maximum` and `mean` are over the finite stored pixels of images of
    that type, NaN if there are none. `problems` are the first MAX_PROBLEMS of `problem_count`, one line each; `notes`
    are no obstacle; those among them that make a wrong result likely are in `warnings` as well.
    """

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
    """What is wrong: the first MAX_PROBLEMS, and how many there are."""

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
) -> ImageReport:
    """Read every image and every label at `path`, going on after a bad one. `key`, `layout`, `pixel_range`, `images`,
    `channels` and `follow_links`: as in `open_images`.

    `on_progress(done, total)` is called after each image. Raises DataError if there are no images to look at: a
    missing path, a file that is no HDF5 or NumPy file, several candidates.
    """
    with find_images(Path(path), key, layout, images=images, channels=channels, follow_links=follow_links) as source:
        seen, problems = Seen(), _Problems()
        fits = _settle(source, pixel_range, problems)
        for index in range(len(source)):
            _look_at(source, index, seen, problems)
            if on_progress is not None:
                on_progress(index + 1, len(source))
        labels = _labels(source, problems)
        return _report(source, fits, seen, problems, labels)


def _settle(source: ImageSource, pixel_range: PixelRange | TypedRange | None, problems: _Problems) -> bool:
    """Settle `source` on what most images are, whatever is wrong with others; whether a pixel range was found."""
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


def _look_at(source: ImageSource, index: int, seen: Seen, problems: _Problems) -> None:
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
            values = source.labels(name)
        except DataError as error:
            problems.add(str(error))
        else:
            labels[name] = LabelReport(values.shape, values.dtype)
    return labels


def _report(
    source: ImageSource, fits: bool, seen: Seen, problems: _Problems, labels: dict[str, LabelReport]
) -> ImageReport:
    known = seen.readable > 0
    notes = (*size_notes(seen), *notes_on(source, seen))
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
