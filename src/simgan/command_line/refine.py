"""The `refine` command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from simgan.command_line.reading import Range, open_data, say_notes
from simgan.console.printing import print_line
from simgan.settings.choices import Channels, Layout, OnBadImage

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Refine:
    """Refine a whole data set: same format, bit depth and names, every label carried over."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """The --out folder of a finished training."""
    input: Annotated[Positional[Path], arg(metavar="INPUT")]
    """Synthetic images of any size: HDF5, .npy, .npz or a folder."""
    output: Annotated[Positional[Path], arg(metavar="OUTPUT")]
    """Where the refined set goes; must not exist."""
    key: str | None = None
    """Name of the images in an HDF5 or .npz file that holds several arrays."""
    layout: Layout | None = None
    """Where an array of 4 axes has its channels: nhwc last, nchw first. The output is as the input."""
    images: str | None = None
    """Which files of a folder are the images, as globs separated by commas: 'rgb/*.png'. All else is carried over. By
    default as in training for the same folder, else all pictures but masks and other labels of them."""
    channels: Channels = None
    """Convert every picture of a folder to grey (1) or RGB (3), the output too; by default as in training."""
    follow_links: bool = True
    """Follow links in a folder; forbid them in folders that you do not trust."""
    range: Range = None
    """Stored values of black and white; by default those of the synthetic images in training if they were of the same
    type, else those of the type."""
    max_drift: float | None = None
    """Set aside images whose content moved by more than so many pixels, by optical flow (0.2 of 55 px is noise). They
    are listed in OUTPUT.quarantine.csv and left out with their labels; in arrays their rows stay, unrefined."""

    checkpoint: str | None = None
    """Take R from a checkpoint: newest, best (the one that D told from real images worst, within the drift budget) or
    a name in RUN/checkpoints. By default R as it was at the end; a training that did not finish has no other."""
    on_bad_image: OnBadImage = "stop"
    """What becomes of images that cannot be used. `stop`: nothing is written. `skip`: they are left out and listed, as
    with --max-drift; of a folder or HDF5 by key only, for the rows of an array must match their labels."""

    def run(self, console: Console) -> int:
        """Refines with a progress bar."""
        from simgan.console.progress import show_progress
        from simgan.refining.data_set import refine_data_set
        from simgan.refining.quarantine import quarantine_list
        from simgan.runs.checkpoints import PRETRAINED_ONLY
        from simgan.runs.run import Run

        run = Run.open(self.run_folder, self.checkpoint)
        if run.is_pretrained_only:
            print_line(
                console, f"note: {run.checkpoint or run.path} is from before the adversarial phase: {PRETRAINED_ONLY}."
            )
        limits = self.range or run.input_range
        trained = run.data.synthetic.options_at(self.input)
        options: dict[str, Any] = {
            "images": self.images or trained["images"],
            "channels": self.channels or trained["channels"],
            "follow_links": self.follow_links,
        }
        with open_data(
            self.input, self.key, limits, self.on_bad_image, console, layout=self.layout, **options
        ) as source:
            say_notes(console, source, trained_at=(run.data.height, run.data.width))
            with show_progress(console, "refining") as on_progress:
                aside = refine_data_set(run, source, self.output, on_progress, max_drift=self.max_drift)
            moved = sum(image.drift is not None for image in aside)
            print_line(console, f"{len(source) - moved} refined images are in {self.output}.")
            if self.max_drift is not None:
                print_line(
                    console, f"{moved} of {len(source)} images moved by more than {self.max_drift:g} px: set aside."
                )
            if quarantine_list(self.output).exists():
                print_line(console, f"What was set aside is listed in {quarantine_list(self.output)}.")
        return 0
