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
from numpy.typing import NDArray

from simgan.errors import DataError, printable
from simgan.images.opening import find_images
from simgan.images.pixels import PixelRange, any_finite, infer_range
from simgan.images.readable import readable_sample, typical_image
from simgan.images.source import ImageSource

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
    are no obstacle.
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


@dataclass
class _Findings:
    """What has been seen so far."""

    readable: int = 0
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    minimum: float = math.inf
    maximum: float = -math.inf
    total: float = 0.0
    pixels: int = 0
    problems: list[str] = field(default_factory=list)
    problem_count: int = 0
    remarks: Counter[str] = field(default_factory=Counter)
    first_with: dict[str, str] = field(default_factory=dict)

    def problem(self, message: str) -> None:
        self.problem_count += 1
        if self.problem_count <= MAX_PROBLEMS:
            self.problems.append(message)

    def remark(self, text: str, name: str) -> None:
        self.remarks[text] += 1
        self.first_with.setdefault(text, name)

    def image(self, image: NDArray[Any]) -> None:
        self.readable += 1
        self.sizes[image.shape[:2]] += 1

    def pixels_of(self, image: NDArray[Any], name: str) -> None:
        finite = image[np.isfinite(image)] if image.dtype.kind == "f" else image
        if finite.size:
            low, high = float(finite.min()), float(finite.max())
            self.minimum, self.maximum = min(self.minimum, low), max(self.maximum, high)
            self.total += float(finite.sum(dtype=np.float64))
            self.pixels += finite.size
            if low == high:
                self.remark("with the same value everywhere", name)


def inspect_images(
    path: str | PathLike[str],
    *,
    key: str | None = None,
    pixel_range: PixelRange | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> ImageReport:
    """Read every image and every label at `path`, going on after a bad one. `key`, `pixel_range`: as in `open_images`.

    `on_progress(done, total)` is called after each image. Raises DataError if there are no images to look at: a
    missing path, a file that is no HDF5 or NumPy file, several candidates.
    """
    with find_images(Path(path), key) as source:
        found = _Findings()
        fits = _settle(source, pixel_range, found)
        for index in range(len(source)):
            _look_at(source, index, found)
            if on_progress is not None:
                on_progress(index + 1, len(source))
        labels = _labels(source, found)
        return _report(source, fits, found, labels)


def _settle(source: ImageSource, pixel_range: PixelRange | None, found: _Findings) -> bool:
    """Settle `source` on what most images are, whatever is wrong with others; whether a pixel range was found."""
    typical = typical_image(source)
    if typical is None:
        return False
    dtype = source.stored(typical).dtype
    try:
        if pixel_range is None and dtype.kind == "f":
            pixel_range = infer_range(readable_sample(source, dtype), str(source.path))
        source.settle(pixel_range, like=typical)
    except DataError as error:
        found.problem(str(error))
        source.settle(any_finite(dtype), like=typical)
        return False
    return True


def _look_at(source: ImageSource, index: int, found: _Findings) -> None:
    try:
        image = source.stored(index)
        found.image(image)
        if image.dtype == source.dtype:
            found.pixels_of(image, source.names[index])
        source.check(index, image)
        for text in source.remarks(index):
            found.remark(text, source.names[index])
    except DataError as error:
        found.problem(str(error))


def _labels(source: ImageSource, found: _Findings) -> dict[str, LabelReport]:
    labels = {}
    for name in source.label_names:
        try:
            values = source.labels(name)
        except DataError as error:
            found.problem(str(error))
        else:
            labels[name] = LabelReport(values.shape, values.dtype)
    return labels


def _report(source: ImageSource, fits: bool, found: _Findings, labels: dict[str, LabelReport]) -> ImageReport:
    known = found.readable > 0
    return ImageReport(
        path=source.path,
        kind=source.kind,
        count=len(source),
        readable=found.readable,
        sizes=found.sizes,
        dtype=source.dtype if known else None,
        channels=source.channels if known else None,
        pixel_range=source.pixel_range if fits else None,
        minimum=found.minimum if found.pixels else math.nan,
        maximum=found.maximum if found.pixels else math.nan,
        mean=found.total / found.pixels if found.pixels else math.nan,
        labels=labels,
        problems=tuple(found.problems),
        problem_count=found.problem_count,
        notes=tuple(map(printable, (*_size_notes(source, found), *_remark_notes(found), *source.notes()))),
    )


def _size_notes(source: ImageSource, found: _Findings) -> list[str]:
    if not found.sizes:
        return []
    ((height, width), count) = found.sizes.most_common(1)[0]
    notes = []
    if len(found.sizes) > 1:
        notes.append(
            f"{len(found.sizes)} sizes, most often {height}x{width} ({count} of {found.readable}); "
            "training needs --size HxW"
        )
    if source.channels > 4 >= height:
        notes.append(f"{source.channels} channels in images {height} high: move the channels last if they come first")
    if source.dtype == np.uint16 and source.given_range is None and found.maximum < 65536 / 4:
        notes.append(
            f"the brightest of 16 bits is {found.maximum:g}: if the images have fewer bits, say so with "
            "--range 0 4095 (train: --synthetic-range, --real-range)"
        )
    return notes


def _remark_notes(found: _Findings) -> list[str]:
    return [f"{count} image(s) {text}, the first {found.first_with[text]!r}" for text, count in found.remarks.items()]
