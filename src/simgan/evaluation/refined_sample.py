"""A sample of synthetic images and their refined versions.

They are refined whole, unlike what `simgan refine` writes by default: so drift is that of the worst case.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from simgan.console.progress import show_progress
from simgan.console.silent import SILENT
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
            )
        else:
            size = (run.data.height, run.data.width)
            if run.config.crop:
                crops = (middle_crop(source[index], size) for index in indices)
                resized = np.stack([source.pixel_range.to_model(crop) for crop in crops])
            else:
                resized = np.stack([load_image(source, index, size) for index in indices])
            sample = Sample(indices, names, resized, refine(run, resized, pixel_range=PixelRange(-1, 1)), resized=True)
        on_progress(len(indices), len(indices))
    return sample
