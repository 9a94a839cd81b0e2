"""The `refine` command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from simgan.command_line.reading import Range, open_as_trained, print_notes
from simgan.console.printing import print_line
from simgan.settings.choices import Channels, Layout, OnBadImage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from simgan.refining.quarantine import SetAside


@dataclass(frozen=True)
class Refine:
    """Refine a whole data set. The output has the format, bit depth, names and labels of the input."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """The --out folder of a finished training."""
    input: Annotated[Positional[Path], arg(metavar="INPUT")]
    """Synthetic images of any size: HDF5, .npy, .npz or a folder."""
    output: Annotated[Positional[Path], arg(metavar="OUTPUT")]
    """Path of the refined data set. It must not exist yet."""
    key: str | None = None
    """Name of the array of images, if an HDF5 or .npz file holds several arrays. In HDF5 also a path, a pattern of
    paths ('*/image' for a group per person) or '/' (each data set at the root is an image). By default as in training,
    if the format is the same."""
    layout: Layout | None = None
    """Position of the channels in an array of 4 axes: nhwc (channels last) or nchw (channels first). By default as in
    training. The output has the same layout."""
    images: str | None = None
    """Which files of a folder are the images, as globs separated by commas: 'rgb/*.png'. All other files are
    copied unchanged. By default as in training if the folder is the same, else all pictures except masks and other
    labels."""
    channels: Channels = None
    """Convert every picture of a folder to grey (1) or RGB (3), including the output. By default as in training."""
    follow_links: bool = True
    """Follow links in a folder. Forbid links in a folder that you do not trust."""
    range: Range = None
    """Stored values of black and white. By default the range of the synthetic images in training if the pixel type is
    the same, else the limits of the pixel type."""
    max_drift: float | None = None
    """Set aside each image whose content moved by more than this many pixels, measured by optical flow (0.2 px is
    noise in images 55 px wide). Images set aside are listed in OUTPUT.quarantine.csv. In HDF5 with one data set for
    each image they are left out together with their labels. In a folder they are left out, but all other files are
    copied, including their labels. In an array, the row of such an image keeps the unrefined image."""
    strength: Annotated[str, arg(metavar="LOW..HIGH")] = "0.5..1"
    """How far each image goes from the synthetic image (0) to R's image (1). LOW..HIGH: each image gets a random
    strength between these two numbers. A single number is the strength of all images; 1 refines all of them whole.
    Random strengths are the default, because estimators trained on such a set erred less on real images. --max-drift
    measures the images as they are written."""
    variety: bool = True
    """Give each image a look of its own: it is matched to a random photograph, if training did that, and refined by R
    as R was at a random time of the training (RUN/snapshots). With --no-variety, R at the end of the training refines
    all images as they are, which gives them one style."""
    seed: int = 0
    """Seed of random strengths and looks. They follow from the seed and the image's place in the data set alone."""
    checkpoint: str | None = None
    """Checkpoint from which R is taken: newest, best (where D was closest to chance, within the drift budget) or a
    name in RUN/checkpoints. By default R at the end of the training. If the training did not finish, give a
    checkpoint."""
    on_bad_image: OnBadImage = "stop"
    """What to do with an image that cannot be used. `stop`: end with an error and write nothing. `skip`: leave it out
    and list it in OUTPUT.quarantine.csv. `skip` works for folders and for HDF5 files with one data set for each image;
    the rows of an array must stay, to match their labels. In a folder, the files with its labels are still
    copied."""

    def run(self, console: Console) -> int:
        """Refines the data set and shows a progress bar."""
        from simgan.console.progress import show_progress
        from simgan.refining.data_set import refine_data_set
        from simgan.refining.strength import Strength, parse_limits
        from simgan.refining.variety import variety_in_words
        from simgan.runs.checkpoints import PRETRAINED_ONLY
        from simgan.runs.run import FRAMING_MAP, Run

        limits = parse_limits(self.strength)
        strength = Strength.of(limits, self.seed)  # limits that are wrong are an error before the work begins
        run = Run.open(self.run_folder, self.checkpoint)
        if run.is_pretrained_only:
            print_line(
                console, f"note: {run.checkpoint or run.path} is from before the adversarial phase: {PRETRAINED_ONLY}."
            )
        with open_as_trained(
            console,
            run.data.synthetic,
            self.input,
            limits=self.range,
            key=self.key,
            layout=self.layout,
            images=self.images,
            channels=self.channels,
            follow_links=self.follow_links,
            on_bad_image=self.on_bad_image,
        ) as source:
            trained_at = None if run.config.crop else (run.data.height, run.data.width)
            if run.framing_map is not None:
                print_line(
                    console,
                    "note: each image gets the framing of the photographs before R refines it, as in training "
                    f"({run.path / FRAMING_MAP}). To avoid this, train with --framing keep. 'simgan drift' counts "
                    "this change as drift; 'simgan evaluate' and --max-drift do not.",
                )
            print_notes(console, source, trained_at=trained_at)
            print_line(console, f"Each image is {strength.in_words}.")
            if self.variety and (looks := variety_in_words(run)):
                print_line(console, f"Each image is {looks}; --no-variety gives all images one style.")
            with show_progress(console, "refining") as on_progress:
                aside = refine_data_set(
                    run,
                    source,
                    self.output,
                    on_progress,
                    max_drift=self.max_drift,
                    strength=limits,
                    variety=self.variety,
                    seed=self.seed,
                )
            self._print_summary(console, len(source), aside)
        return 0

    def _print_summary(self, console: Console, count: int, aside: Sequence[SetAside]) -> None:
        """Prints how many of `count` images were written, and how many were set aside or left out."""
        from simgan.refining.quarantine import quarantine_list

        moved = sum(image.drift is not None for image in aside)
        print_line(console, f"{count - moved} refined images are in {self.output}.")
        if self.max_drift is not None:
            print_line(
                console,
                f"{moved} of {count} images were set aside: their content moved by more than {self.max_drift:g} px.",
            )
        if quarantine_list(self.output).exists():
            print_line(console, f"Images set aside or left out are listed in {quarantine_list(self.output)}.")
        copied = [name for image in aside for name in image.copied]
        if copied:
            print_line(
                console,
                f"note: {len(copied)} file(s) that differ from a left-out image only in suffix or subfolder "
                f"were copied like all other files, the first {copied[0]!r}; the list names them. "
                "Remove them from the output if they are labels of these images.",
            )
