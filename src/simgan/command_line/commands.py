"""The subcommands: their fields are the arguments, and `run` does it.

What a command needs is imported when it runs, so that --help and `check` answer at once. `train` is in
train_command.py, what measures a run in measuring_commands.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from simgan.console.printing import say

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from rich.console import Console

    from simgan.images.ranges import TypedRange

_PROBLEMS_FOUND = 1
_TOLD = 5  # images that are left out, by name

Range = tuple[float, float] | None
OnBadImage = Literal["stop", "skip"]
Layout = Literal["nhwc", "nchw"]
Channels = Literal[1, 3] | None


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
            say(
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
            say(console, f"{len(source) - moved} refined images are in {self.output}.")
            if self.max_drift is not None:
                say(console, f"{moved} of {len(source)} images moved by more than {self.max_drift:g} px: set aside.")
            if quarantine_list(self.output).exists():
                say(console, f"What was set aside is listed in {quarantine_list(self.output)}.")
        return 0


@dataclass(frozen=True)
class Check:
    """Say what the images are and what is wrong with them. Exit code 1 if anything is."""

    path: Positional[Path]
    """HDF5, .npy, .npz or a folder of images."""
    key: str | None = None
    """Name of the images in an HDF5 or .npz file that holds several arrays."""
    layout: Layout | None = None
    """Where an array of 4 axes has its channels: nhwc last, nchw first."""
    images: str | None = None
    """Which files of a folder are the images, as globs separated by commas: 'rgb/*.png'. By default all pictures but
    masks and other labels of them."""
    channels: Channels = None
    """Convert every picture of a folder, and of --against, to grey (1) or RGB (3)."""
    follow_links: bool = True
    """Follow links in a folder; forbid them in folders that you do not trust."""
    range: Range = None
    """Stored values of black and white, where they are not those of the type."""
    against: Path | None = None
    """Photographs: are both sets framed alike? Where they are not, refining moves content and labels drift."""
    against_key: str | None = None
    """As --key, for --against."""
    against_layout: Layout | None = None
    """As --layout, for --against."""
    against_images: str | None = None
    """As --images, for --against."""
    against_range: Range = None
    """As --range, for --against."""
    picture: Path | None = None
    """With --against: a PNG to make of how both sets are framed."""

    def run(self, console: Console) -> int:
        """Reads every image once and prints the findings."""
        if self.picture is not None and self.against is None:
            from simgan.errors import ConfigError

            raise ConfigError("picture: expected --against as well, received none; say which images to compare with.")
        options, against_options = self._options(self.images), self._options(self.against_images)
        problems = self._check(console, self.path, self.key, self.layout, self.range, options)
        if self.against is not None:
            say(console, f"against {self.against}:")
            problems += self._check(
                console, self.against, self.against_key, self.against_layout, self.against_range, against_options
            )
            if not problems:
                self._compare(console, self.against)
        return _PROBLEMS_FOUND if problems else 0

    def _options(self, images: str | None) -> dict[str, Any]:
        return {"images": images, "channels": self.channels, "follow_links": self.follow_links}

    def _compare(self, console: Console, against: Path) -> None:
        """Prints how alike both sets are framed."""
        from simgan.framing.comparison import compare_framing
        from simgan.framing.picture import framing_picture
        from simgan.framing.samples import comparable_samples

        with (
            open_data(self.path, self.key, self.range, layout=self.layout, **self._options(self.images)) as synthetic,
            open_data(
                against,
                self.against_key,
                self.against_range,
                layout=self.against_layout,
                **self._options(self.against_images),
            ) as real,
        ):
            samples = comparable_samples(synthetic, real)
        for finding in compare_framing(*samples):
            say(console, f"{finding.severity}: {finding.sentence}")
        if self.picture is not None:
            self.picture.write_bytes(framing_picture(*samples))
            say(console, f"picture: {self.picture}")

    @staticmethod
    def _check(
        console: Console, path: Path, key: str | None, layout: Layout | None, limits: Range, options: dict[str, Any]
    ) -> int:
        """Prints the findings on one set; the number of problems. `options`: of a folder, as in `open_images`."""
        from simgan.console.progress import show_progress
        from simgan.images import inspect_images

        with show_progress(console, "checking") as on_progress:
            report = inspect_images(
                path, key=key, layout=layout, pixel_range=_pixel_range(limits), on_progress=on_progress, **options
            )
        sizes = ", ".join(f"{height}x{width} ({count})" for (height, width), count in report.sizes.most_common(5))
        labels = ", ".join(f"{name} {label.shape} {label.dtype}" for name, label in report.labels.items())
        pixels = f"{report.dtype}, {report.channels} channel(s)" if report.readable else "none can be read"
        seen = (
            f", seen {report.minimum:g} to {report.maximum:g}, mean {report.mean:g}"
            if report.mean == report.mean
            else ""
        )
        rows = {
            "images": f"{report.count} ({report.kind}), {report.readable} readable",
            "sizes": f"{sizes or 'none'}{', ...' if len(report.sizes) > 5 else ''}",
            "pixels": pixels,
            "range": f"{report.pixel_range or 'none fits' if report.readable else 'unknown'}{seen}",
            "labels": labels or "none",
        }
        for name, text in rows.items():
            say(console, f"{name:<8} {text}")
        for note in report.notes:
            say(console, f"{'warning' if note in report.warnings else 'note'}: {note}")
        for problem in _told_once(report.problems, f" of {path}: "):
            say(console, f"problem: {problem}")
        say(console, f"{report.problem_count or 'no'} problem(s) found")
        return report.problem_count


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
        say(console, f"{self.count} {self.domain} eyes are in {self.out}.")
        return 0


@dataclass(frozen=True)
class Demo:
    """Render, train, refine, score and draw, in one go: what SimGAN does, with nothing to bring."""

    out: Path = Path("demo")
    """Folder to make."""
    seed: int = 0
    """Of everything random."""

    def run(self, console: Console) -> int:
        """Runs the demo."""
        from simgan.command_line.tables import show_evaluation
        from simgan.demo import run_demo

        show_evaluation(run_demo(self.out, self.seed, console), console)
        return 0


def _told_once(problems: Sequence[str], separator: str) -> list[str]:
    """Of problems that differ alone in the image's name, before `separator`, the first and how many more there are."""
    alike: dict[str, list[str]] = {}
    for problem in problems:
        _, separated, reason = problem.partition(separator)
        alike.setdefault(reason if separated else problem, []).append(problem)
    return [
        f"{first} (and so of {len(others)} more of those listed)" if others else first
        for first, *others in alike.values()
    ]


def _pixel_range(limits: Range | TypedRange) -> Any:
    from simgan.images import PixelRange

    return PixelRange(*limits) if isinstance(limits, tuple) else limits


def say_notes(console: Console, source: Any, *, unless: Collection[str] = (), **options: Any) -> list[str]:
    """Prints what is unusual in a data set, but what is in `unless`. `options`: as in `sample_notes`.

    Returns the texts.
    """
    from simgan.images.notes import sample_notes

    notes = sample_notes(source, **options)
    for note in notes:
        if note.text not in unless:
            say(console, note.line(source.path))
    return [note.text for note in notes]


def open_data(
    path: Path,
    key: str | None,
    limits: Range | TypedRange,
    on_bad_image: OnBadImage = "stop",
    console: Console | None = None,
    *,
    layout: Layout | None = None,
    **options: Any,
) -> Any:
    """As `open_images`, the range as two numbers or as that of a training; says what is left out.

    `options`: `images`, `channels` and `follow_links`.
    """
    from simgan.console.progress import show_progress
    from simgan.images import open_images

    if on_bad_image == "stop" or console is None:
        return open_images(path, key=key, layout=layout, pixel_range=_pixel_range(limits), **options)
    with show_progress(console, f"looking at {path.name}") as on_progress:
        source = open_images(
            path,
            key=key,
            layout=layout,
            pixel_range=_pixel_range(limits),
            on_bad_image=on_bad_image,
            on_progress=on_progress,
            **options,
        )
    for image in source.left_out[:_TOLD]:
        say(console, f"left out: {image.reason}")
    if source.left_out:
        say(
            console,
            f"{len(source.left_out)} of {len(source) + len(source.left_out)} images in {path} are left out, for they "
            "cannot be used.",
        )
    return source
