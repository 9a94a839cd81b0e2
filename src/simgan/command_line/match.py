"""The `match` command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from simgan.command_line.reading import Range, open_data, print_notes
from simgan.console.printing import print_line
from simgan.settings.choices import Channels, Layout, MatchMethod

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Match:
    """Match the statistics of a data set to those of photographs, in seconds and without training.

    Try this first; a refiner is worth training only if it does better on labelled real images. Each image is matched
    to a photograph drawn at random. The output has the format, bit depth, names and labels of the input.
    """

    input: Annotated[Positional[Path], arg(metavar="SYNTHETIC")]
    """Synthetic images of any size: HDF5, .npy, .npz or a folder."""
    real: Annotated[Positional[Path], arg(metavar="REAL")]
    """Photographs of any size."""
    output: Annotated[Positional[Path], arg(metavar="OUTPUT")]
    """Path of the matched data set. It must not exist yet."""
    by: MatchMethod | Literal["framing"] = "histogram"
    """What an image takes from its photograph. `histogram`: the distribution of values, channel by channel. `colour`:
    mean and covariance of the colours. `fda-0.05`: the amplitudes of the lowest frequencies, up to 5 % of the shorter
    side. `pca`: the principal axes of the colours. `mixed`: for each image one of these methods, drawn at random, or
    none. `framing`: the place, size and slant of the content. If both sets have plain backgrounds and all labels are
    classes, each image is changed so that these are distributed as in the photographs; else all images get the same
    scale and shift. Labels that may be positions are an error. To match framing and appearance, run 'simgan match'
    twice."""
    key: str | None = None
    """Name of the array of images, if an HDF5 or .npz file holds several arrays."""
    real_key: str | None = None
    """The same as --key, for the photographs."""
    layout: Layout | None = None
    """Position of the channels in an array of 4 axes: nhwc (channels last) or nchw (channels first)."""
    real_layout: Layout | None = None
    """The same as --layout, for the photographs."""
    images: str | None = None
    """Which files of a folder are the images, as globs separated by commas: 'rgb/*.png'. All other files are copied
    unchanged."""
    real_images: str | None = None
    """The same as --images, for the photographs."""
    channels: Channels = None
    """Convert every picture of both folders to grey (1) or RGB (3), including the output."""
    follow_links: bool = True
    """Follow links in folders. Forbid links in folders that you do not trust."""
    range: Range = None
    """Stored values of black and white, if they are not the limits of the pixel type: 0 4095 for 12 bits."""
    real_range: Range = None
    """The same as --range, for the photographs."""
    seed: int = 0
    """Seed of the random choice of a photograph, and for `mixed` of a method, for each image."""

    def run(self, console: Console) -> int:
        """Matches the data set and shows a progress bar."""
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
                found = match_data_set(synthetic, real, self.output, self.by, on_progress, seed=self.seed)
            if found is not None:
                print_line(console, found.sentence)
            print_line(console, f"{len(synthetic)} images matched by {self.by} are in {self.output}.")
        return 0
