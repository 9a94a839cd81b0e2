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
from simgan.images import ImageSource, PixelRange, middle_crop
from simgan.images.ranges import check_guessed_range
from simgan.images.sampling import evenly_spaced
from simgan.refining.data_set import refine
from simgan.runs.run import Run
from simgan.training.batches import load_image


@dataclass(frozen=True)
class Sample:
    """Synthetic images and their refined versions (strength 1); (N, H, W, C) in [-1, 1]."""

    indices: list[int]
    names: list[str]
    synthetic: NDArray[np.float32]
    refined: NDArray[np.float32]
    resized: bool
    """Whether images of several sizes were resized to the size of training, or cropped to it if training took crops:
    labels in pixels no longer fit."""
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
    """Refines up to `count` evenly spaced images: at their own size if they have one size, else at the training's."""
    check_guessed_range(source, run.input_range)
    indices = evenly_spaced(len(source), count)
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
            size = (run.data.height, run.data.width)
            if run.config.crop:
                crops = (middle_crop(source[index], size) for index in indices)
                resized = np.stack([source.pixel_range.to_model(crop) for crop in crops])
            else:
                resized = np.stack([load_image(source, index, size) for index in indices])
            whole = PixelRange(-1, 1)
            refined, given = refine(run, resized, pixel_range=whole), _framed(run, resized, whole)
            sample = Sample(indices, names, resized, refined, resized=True, framed=given)
        on_progress(len(indices), len(indices))
    return sample


def _framed(run: Run, stored: NDArray[Any], pixel_range: PixelRange) -> NDArray[np.float32] | None:
    """Stored images as R sees them, in [-1, 1]; None if the run leaves their framing."""
    framing = run.framing_map
    return None if framing is None else pixel_range.to_model(frame_images(stored, framing, pixel_range))
