"""The `render-eyes` command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from simgan.console.printing import print_line

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class RenderEyes:
    """Render a data set of labelled eyes into an HDF5 file, with the renderer that is part of simgan.

    The domain `synthetic` has clean images. The domain `camera` shows the same anatomy as a simulated cheap camera
    sees it (noise, blur, compression, uneven light). It replaces photographs, which cannot be distributed with simgan;
    its labels are meant for scoring only."""

    out: Annotated[Positional[Path], arg(metavar="OUT.h5")]
    """The HDF5 file to write."""
    count: int
    """Number of images."""
    domain: Literal["synthetic", "camera"] = "synthetic"
    """Appearance of the eyes: clean, or as a cheap camera sees them."""
    seed: int = 0
    """Seed of the eyes: the same seed gives the same eyes."""
    height: int = 35
    """Height of the images in pixels."""
    width: int = 55
    """Width of the images in pixels."""
    channels: Literal[1, 3] = 1
    """1 for grey, 3 for RGB."""
    equalise: bool = False
    """Equalise the histogram of every image, as MPIIGaze does."""

    def run(self, console: Console) -> int:
        """Renders with a progress bar."""
        from simgan.console.progress import show_progress
        from simgan.eyes import write_eyes

        with show_progress(console, "rendering") as on_progress:
            write_eyes(
                self.out,
                self.count,
                domain=self.domain,
                seed=self.seed,
                height=self.height,
                width=self.width,
                channels=self.channels,
                equalise=self.equalise,
                on_progress=on_progress,
            )
        print_line(console, f"{self.count} {self.domain} eyes are in {self.out}.")
        return 0
