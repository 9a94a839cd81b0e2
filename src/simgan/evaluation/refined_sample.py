"""A sample of synthetic images and their refined versions.

They are refined by strength 1, not by random strengths as `simgan refine` does by default, so drift is measured in the
worst case. Each image has a look of its own, as in `simgan refine`.
"""

from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from simgan.console.progress import show_progress
from simgan.console.silent import SILENT
from simgan.images import ChosenImages, ImageSource, PixelRange, middle_crop, resize
from simgan.images.groups import sampled_sizes
from simgan.images.ranges import check_guessed_range
from simgan.images.sampling import evenly_spaced
from simgan.refining.data_set import refine, refined_in_groups
from simgan.refining.variety import as_seen
from simgan.runs.run import Run
from simgan.training.batches import load_image

MOST_BYTES = 2**31  # of float32 pixels in a sample at most; estimators train on several sets of this size
LONGEST_SIDE = 128  # px of the images that estimators learn from if training took crops of larger ones


@dataclass(frozen=True)
class Sample:
    """Synthetic images and their refined versions (strength 1); (N, H, W, C) in [-1, 1]."""

    indices: list[int]
    names: list[str]
    synthetic: NDArray[np.float32]
    refined: NDArray[np.float32]
    resized: bool
    """Whether images were resized or cropped: labels in pixels no longer fit."""
    cropped: bool = False
    """Whether these are the middle crops of the images, because training took crops."""
    framed: bool = False
    """Whether the run gives images the framing of the photographs before R, so that positions change."""
    seen: NDArray[np.float32] | None = None
    """The synthetic images as R saw them, if the run frames them or matches them to photographs before R."""

    @property
    def unrefined(self) -> NDArray[np.float32]:
        """What R refined."""
        return self.synthetic if self.seen is None else self.seen

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        height, width = self.synthetic.shape[1:3]
        return height, width


def refined_sample(run: Run, source: ImageSource, count: int, console: Console = SILENT) -> Sample:
    """Refines up to `count` evenly spaced images, fewer if more would take over MOST_BYTES.

    If training took crops, these are the middle crops of the images, of the size in training. Otherwise they are whole
    images: at their own size if they have one size, else resized to the size in training.
    """
    check_guessed_range(source, run.input_range)
    indices = evenly_spaced(len(source), count)
    size, cropped = (run.data.height, run.data.width), run.config.crop is not None
    sizes = set() if cropped else {source.size(index) for index in indices}
    (size,) = sizes if len(sizes) == 1 else {size}
    indices = [indices[place] for place in evenly_spaced(len(indices), most_images(size, source.channels))]
    with show_progress(console, "refining a sample") as on_progress:
        on_progress(0, len(indices))
        if len(sizes) == 1:
            stored, pixel_range = np.stack([source[index] for index in indices]), source.pixel_range
        else:
            load = _load_crop if cropped else load_image
            stored, pixel_range = np.stack([load(source, index, size) for index in indices]), PixelRange(-1, 1)
        pair = stored, refine(run, stored, pixel_range=pixel_range, variety=True)
        if len(sizes) == 1:
            pair = pixel_range.to_model(pair[0]), pixel_range.to_model(pair[1])
        sample = Sample(
            indices,
            [source.names[index] for index in indices],
            *pair,
            resized=len(sizes) != 1,
            cropped=cropped,
            framed=run.framing_map is not None,
            seen=_seen(run, stored, pixel_range),
        )
        on_progress(len(indices), len(indices))
    return sample


def shrunk_sample(run: Run, source: ImageSource, count: int, console: Console = SILENT) -> Sample:
    """Refines up to `count` evenly spaced images whole, at their own resolution, and then resizes them to one size.

    The size is the median height and width, shrunk to a longer side of at most LONGEST_SIDE. This is the sample of a
    run that was trained on crops, for labels that belong to whole images. Few whole images are in memory at once.
    """
    height, width = np.median(sampled_sizes(source), axis=0)
    shrink = min(1.0, LONGEST_SIDE / max(height, width))
    size = max(1, round(height * shrink)), max(1, round(width * shrink))
    indices = evenly_spaced(len(source), min(count, most_images(size, source.channels)))
    synthetic = np.empty((len(indices), *size, source.channels), np.float32)
    seen, refined, done = np.empty_like(synthetic), np.empty_like(synthetic), 0
    with (
        show_progress(console, "refining whole images") as on_progress,
        closing(refined_in_groups(run, ChosenImages(source, indices))) as groups,
    ):
        for group in groups:
            of_images = group.indices, group.synthetic, group.seen, group.refined
            for place, image, as_seen, whole in zip(*of_images, strict=True):
                pair = (source.pixel_range.to_model(one) for one in (image, whole))
                synthetic[place], refined[place] = (resize(one, size) for one in pair)
                seen[place] = resize(as_seen, size)
            done += len(group.indices)
            on_progress(done, len(indices))
    resized = any(source.size(index) != size for index in indices)
    names = [source.names[index] for index in indices]
    return Sample(indices, names, synthetic, refined, resized=resized, seen=seen if run.photographs else None)


def photographs_like(
    sample: Sample, source: ImageSource, real: ImageSource, images: int, warnings: list[str]
) -> NDArray[np.float32]:
    """Evenly spaced photographs, cropped or resized as the sample is: (N, H, W, C) in [-1, 1].

    Args:
        sample: images of `source`.
        source: the data set of the sample.
        real: the photographs.
        images: how many synthetic images were wanted; at most half as many photographs are used.
        warnings: a warning is added for each set of which MOST_BYTES allow fewer images than were wanted.
    """
    load = _load_crop if sample.cropped else load_image
    wanted = max(1, images // 2)
    indices = evenly_spaced(len(real), min(wanted, most_images(sample.size, real.channels)))
    warnings += notes_on_fewer(source, len(sample.indices), images, sample.size)
    warnings += notes_on_fewer(real, len(indices), wanted, sample.size)
    return np.stack([load(real, index, sample.size) for index in indices])


def most_images(size: tuple[int, int], channels: int) -> int:
    """How many images of a size take at most MOST_BYTES; at least one."""
    return max(1, MOST_BYTES // (4 * size[0] * size[1] * channels))


def notes_on_fewer(source: ImageSource, used: int, wanted: int, size: tuple[int, int]) -> list[str]:
    """A note if fewer images were used than were wanted and exist."""
    if used >= min(wanted, len(source)):
        return []
    return [
        f"Only {used} of the {len(source)} images in {source.path} were used, since more of {size[0]}x{size[1]} take "
        f"over {MOST_BYTES / 2**30:g} GiB of memory. Smaller images allow for more of them."
    ]


def _load_crop(source: ImageSource, index: int, size: tuple[int, int]) -> NDArray[np.float32]:
    """The middle crop of image `index`, (H, W, C) in [-1, 1], at its own resolution."""
    return source.pixel_range.to_model(middle_crop(source[index], size))


def _seen(run: Run, stored: NDArray[Any], pixel_range: PixelRange) -> NDArray[np.float32] | None:
    """Stored images as R sees them, in [-1, 1]; None if it sees them as they are."""
    if run.framing_map is None and not run.photographs:
        return None
    return as_seen(run, stored, pixel_range)
