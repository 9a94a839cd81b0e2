"""A sample of synthetic images and their refined versions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from simgan.batches import load_image
from simgan.images import ImageSource
from simgan.images.sampling import evenly_spaced
from simgan.progress import show_progress
from simgan.refining import refine
from simgan.run import Run

_SILENT = Console(quiet=True)


@dataclass(frozen=True)
class Sample:
    """Synthetic images and their refined versions; (N, H, W, C) in [-1, 1]."""

    indices: list[int]
    names: list[str]
    synthetic: NDArray[np.float32]
    refined: NDArray[np.float32]
    resized: bool
    """Whether the images, being of several sizes, were resized to the training's: labels in pixels no longer fit."""

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        height, width = self.synthetic.shape[1:3]
        return height, width


def refined_sample(run: Run, source: ImageSource, count: int, console: Console = _SILENT) -> Sample:
    """Refines up to `count` evenly spaced images: at their own size if all have the same, else at the training's."""
    indices = evenly_spaced(len(source), count)
    names = [source.names[index] for index in indices]
    with show_progress(console, "refining a sample") as on_progress:
        on_progress(0, len(indices))
        if len({source.size(index) for index in indices}) == 1:
            stored = np.stack([source[index] for index in indices])
            refined = refine(run, stored, pixel_range=source.pixel_range)
            pictures = Sample(
                indices,
                names,
                source.pixel_range.to_model(stored),
                source.pixel_range.to_model(refined),
                resized=False,
            )
        else:
            size = (run.data.height, run.data.width)
            resized = np.stack([load_image(source, index, size) for index in indices])
            pictures = Sample(indices, names, resized, refine(run, resized), resized=True)
        on_progress(len(indices), len(indices))
    return pictures
