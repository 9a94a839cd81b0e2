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
    """Render the embedded data set: labelled eyes, in HDF5.

    `synthetic` is clean. `camera` shows the same anatomy through a simulated cheap camera (noise, blur, compression,
    uneven light): it stands in for photographs, which may not be shipped, and its labels are for scoring only.
    """

    out: Annotated[Positional[Path], arg(metavar="OUT.h5")]
    """The HDF5 file to make."""
    count: int
    """How many images."""
    domain: Literal["synthetic", "camera"] = "synthetic"
    """Which process shows the eyes."""
    seed: int = 0
    """Names the series of eyes."""
    height: int = 35
    """Pixels."""
    width: int = 55
    """Pixels."""
    channels: Literal[1, 3] = 1
    """1 grey, 3 RGB."""
    equalise: bool = False
    """Equalise every histogram, as MPIIGaze does."""

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
