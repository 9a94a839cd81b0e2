"""The `match` command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from simgan.command_line.reading import Range, open_data, print_notes
from simgan.console.printing import print_line
from simgan.settings.choices import Channels, Layout, MatchMethod

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Match:
    """Match a data set to photographs by statistics alone: no training, seconds in place of minutes.

    Try this before a refiner, and train one only if it does better on labelled real images. Each image is matched to a
    photograph drawn at random. Output as of `refine`: same format, bit depth and names, every label carried over.
    """

    input: Annotated[Positional[Path], arg(metavar="SYNTHETIC")]
    """Synthetic images of any size: HDF5, .npy, .npz or a folder."""
    real: Annotated[Positional[Path], arg(metavar="REAL")]
    """Photographs of any size."""
    output: Annotated[Positional[Path], arg(metavar="OUTPUT")]
    """Where the matched set goes; must not exist."""
    by: MatchMethod = "histogram"
    """`histogram`: the photograph's distribution of values, channel by channel. `colour`: mean and covariance of its
    colours. `fda-0.05`: the amplitudes of its lowest frequencies, up to 5 % of the shorter side. `pca`: the principal
    axes of its colours."""
    key: str | None = None
    """Name of the images in an HDF5 or .npz file that holds several arrays."""
    real_key: str | None = None
    """The same for the photographs."""
    layout: Layout | None = None
    """Where an array of 4 axes has its channels: nhwc last, nchw first."""
    real_layout: Layout | None = None
    """The same for the photographs."""
    images: str | None = None
    """Which files of a folder are the images, as globs separated by commas: 'rgb/*.png'. All else is carried over."""
    real_images: str | None = None
    """The same for the photographs."""
    channels: Channels = None
    """Convert every picture of both folders to grey (1) or RGB (3), the output too."""
    follow_links: bool = True
    """Follow links in a folder; forbid them in folders that you do not trust."""
    range: Range = None
    """Stored values of black and white, where they are not those of the type."""
    real_range: Range = None
    """The same for the photographs."""
    seed: int = 0
    """Of the draw of photographs."""

    def run(self, console: Console) -> int:
        """Matches with a progress bar."""
        from simgan.console.progress import show_progress
        from simgan.matching import match_data_set

        folder: dict[str, Any] = {"channels": self.channels, "follow_links": self.follow_links}
        with (
            open_data(self.input, self.key, self.range, layout=self.layout, images=self.images, **folder) as synthetic,
            open_data(
                self.real, self.real_key, self.real_range, layout=self.real_layout, images=self.real_images, **folder
            ) as real,
        ):
            print_notes(console, synthetic)
            print_notes(console, real, flag="--real-range")
            with show_progress(console, "matching") as on_progress:
                match_data_set(synthetic, real, self.output, self.by, on_progress, seed=self.seed)
            print_line(console, f"{len(synthetic)} images matched by {self.by} are in {self.output}.")
        return 0
