"""A sample of synthetic images and their refined versions.

They are refined whole, unlike what `simgan refine` writes by default: so drift is that of the worst case.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from simgan.console.progress import show_progress
from simgan.console.silent import SILENT
from simgan.framing.framed_images import frame_images
from simgan.images import ImageSource, PixelRange, resize
from simgan.images.ranges import check_guessed_range
from simgan.images.sampling import evenly_spaced
from simgan.refining.data_set import refine
from simgan.runs.run import Run
from simgan.training.batches import load_image

_BYTES = 2**31  # of float32 pixels in a sample at most; estimators train on several sets of this size
_LONGEST_SIDE = 128  # px, of images of several sizes that are brought to one after they were refined


@dataclass(frozen=True)
class Sample:
    """Synthetic images and their refined versions (strength 1); (N, H, W, C) in [-1, 1]."""

    indices: list[int]
    names: list[str]
    synthetic: NDArray[np.float32]
    refined: NDArray[np.float32]
    resized: bool
    """Whether images of several sizes were brought to one size, so that labels in pixels no longer fit: to the size of
    training before they were refined or, if training took crops, to a size of at most 128 px after that."""
    framed: NDArray[np.float32] | None = None
    """The synthetic images with the framing of the photographs, if the run gives it to them before R."""

    @property
    def unrefined(self) -> NDArray[np.float32]:
        """What R refined: the framed images, if there are any, else the synthetic ones."""
        return self.synthetic if self.framed is None else self.framed

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        height, width = self.synthetic.shape[1:3]
        return height, width


def refined_sample(run: Run, source: ImageSource, count: int, console: Console = SILENT) -> Sample:
    """Refines up to `count` evenly spaced images, and fewer if they take too much memory.

    Images of one size are refined at that size, and others at the size of training. If training took crops, each image
    is refined at its own size, and images of several sizes are brought to one size after that.
    """
    check_guessed_range(source, run.input_range)
    indices = evenly_spaced(len(source), min(count, most_in_memory(source.size(0), source.channels)))
    names = [source.names[index] for index in indices]
    with show_progress(console, "refining a sample") as on_progress:
        on_progress(0, len(indices))
        if len({source.size(index) for index in indices}) == 1:
            stored = np.stack([source[index] for index in indices])
            refined = refine(run, stored, pixel_range=source.pixel_range)
            sample = Sample(
                indices,
                names,
                source.pixel_range.to_model(stored),
                source.pixel_range.to_model(refined),
                resized=False,
                framed=_framed(run, stored, source.pixel_range),
            )
        else:
            at_one_size = _refined_whole if run.config.crop else _resized
            sample = at_one_size(run, source, indices, names)
        on_progress(len(indices), len(indices))
    return sample


def most_in_memory(size: tuple[int, int], channels: int) -> int:
    """How many images of about `size` (H, W) a sample may have at most."""
    return max(1, _BYTES // (4 * size[0] * size[1] * channels))


def _resized(run: Run, source: ImageSource, indices: list[int], names: list[str]) -> Sample:
    """Images brought to the size of training, and refined after that."""
    size, whole = (run.data.height, run.data.width), PixelRange(-1, 1)
    resized = np.stack([load_image(source, index, size) for index in indices])
    refined = refine(run, resized, pixel_range=whole)
    return Sample(indices, names, resized, refined, resized=True, framed=_framed(run, resized, whole))


def _refined_whole(run: Run, source: ImageSource, indices: list[int], names: list[str]) -> Sample:
    """Images refined at their own size, one by one, and brought to one size after that."""
    heights, widths = np.median([source.size(index) for index in indices], axis=0)
    shrink = min(1.0, _LONGEST_SIDE / max(heights, widths))
    size = max(1, round(shrink * heights)), max(1, round(shrink * widths))
    synthetic: list[NDArray[np.float32]] = []
    refined: list[NDArray[np.float32]] = []
    for index in indices:
        stored = source[index][None]
        both = stored[0], refine(run, stored, pixel_range=source.pixel_range)[0]
        for image, images in zip(both, (synthetic, refined), strict=True):
            images.append(resize(source.pixel_range.to_model(image), size))
    return Sample(indices, names, np.stack(synthetic), np.stack(refined), resized=True)


def _framed(run: Run, stored: NDArray[Any], pixel_range: PixelRange) -> NDArray[np.float32] | None:
    """Stored images as R sees them, in [-1, 1]; None if the run leaves their framing."""
    framing = run.framing_map
    return None if framing is None else pixel_range.to_model(frame_images(stored, framing, pixel_range))
