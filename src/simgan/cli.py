"""The command line: `simgan train`, `refine`, `check`, `render-eyes`, `demo`.

Keras and PyTorch are imported by the commands that need them, so that --help and `check` answer at once.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import tyro
from rich.console import Console
from tyro.conf import Positional, arg, subcommand

from simgan.config import SourceRecord, TrainConfig, make_config, read_settings
from simgan.errors import SimGANError
from simgan.presets import PRESETS, PresetName

_PROBLEMS_FOUND, _BAD_INPUT, _INTERRUPTED = 1, 2, 130

Range = tuple[float, float] | None


class Command(Protocol):
    """A subcommand: its fields are the arguments."""

    def run(self, console: Console) -> int:
        """Does it; returns the exit code."""


@dataclass(frozen=True)
class Train:
    """Train a refiner on synthetic images and photographs.

    Settings come from --preset, over it from --config, over both from the flags. Start with --dry-run: it prints the
    settings and what was found in the data. Progress lines tell how often D is right on real and refined patches:
    near 1 for long, and R is losing; near 0.5, and D cannot tell them apart.
    """

    synthetic: Path
    """Labelled synthetic images: HDF5, .npy, .npz or a folder of PNG, JPEG, TIFF or BMP."""
    real: Path
    """Photographs without labels: the same formats, as many channels."""
    out: Path
    """The run folder to make: models, metrics, sample pictures, report.html."""
    preset: PresetName = "default"
    """Settings to start from; `default` is the reference schedule at batch 512."""
    config: Path | None = None
    """TOML file with settings, say the config.toml of a run, which also remembers --synthetic and --real."""
    synthetic_key: str | None = None
    """Name of the images in an HDF5 or .npz file that holds several arrays."""
    real_key: str | None = None
    """The same for the photographs."""
    synthetic_range: Range = None
    """Stored values of black and white, where they are not those of the type: say 0 4095 for 12 bits."""
    real_range: Range = None
    """The same for the photographs."""
    dry_run: bool = False
    """Print the settings and the data found, and stop."""
    settings: Annotated[TrainConfig, arg(name="")] = field(default_factory=TrainConfig)

    def run(self, console: Console) -> int:
        """Trains, then draws the report."""
        from simgan.batches import training_size

        with (
            _open(self.synthetic, self.synthetic_key, self.synthetic_range) as synthetic,
            _open(self.real, self.real_key, self.real_range) as real,
        ):
            height, width = training_size(synthetic, real, self.settings.height_width)
            if self.dry_run:
                console.print(self.settings.to_toml(), markup=False, highlight=False)
                for name, source in (("synthetic", synthetic), ("real", real)):
                    console.print(
                        f"{name}: {len(source)} images of {height}x{width}x{source.channels} {source.dtype} in "
                        f"{source.path} ({source.kind}), labels: {', '.join(source.label_names) or 'none'}",
                        highlight=False,
                        soft_wrap=True,
                    )
                return 0
            from simgan.report import write_report
            from simgan.training import train

            run = train(self.settings, synthetic, real, self.out, console=console)
        report = write_report(run)
        console.print(f"The refiner is in {run.path}; its report is {report}.", soft_wrap=True)
        console.print(f"Refine a data set: simgan refine {run.path} INPUT OUTPUT", soft_wrap=True)
        return 0


@dataclass(frozen=True)
class Refine:
    """Refine a whole data set: same format, bit depth and names, every label carried over."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """The --out folder of a finished training."""
    input: Positional[Path]
    """Synthetic images of any size: HDF5, .npy, .npz or a folder."""
    output: Positional[Path]
    """Where the refined set goes; must not exist."""
    key: str | None = None
    """Name of the images in an HDF5 or .npz file that holds several arrays."""
    range: Range = None
    """Stored values of black and white, where they are not those of the type."""

    def run(self, console: Console) -> int:
        """Refines with a progress bar."""
        from simgan.progress import show_progress
        from simgan.refining import refine_data_set
        from simgan.run import Run

        run = Run.open(self.run_folder)
        with _open(self.input, self.key, self.range) as source:
            with show_progress(console, "refining") as on_progress:
                refine_data_set(run, source, self.output, on_progress)
            console.print(f"{len(source)} refined images are in {self.output}.", soft_wrap=True)
        return 0


@dataclass(frozen=True)
class Check:
    """Say what the images are and what is wrong with them. Exit code 1 if anything is."""

    path: Positional[Path]
    """HDF5, .npy, .npz or a folder of images."""
    key: str | None = None
    """Name of the images in an HDF5 or .npz file that holds several arrays."""
    range: Range = None
    """Stored values of black and white, where they are not those of the type."""

    def run(self, console: Console) -> int:
        """Reads every image once and prints the findings."""
        from simgan.images import inspect_images
        from simgan.progress import show_progress

        with show_progress(console, "checking") as on_progress:
            report = inspect_images(
                self.path, key=self.key, pixel_range=_pixel_range(self.range), on_progress=on_progress
            )
        sizes = ", ".join(f"{height}x{width} ({count})" for (height, width), count in report.sizes.most_common(5))
        labels = ", ".join(f"{name} {label.shape} {label.dtype}" for name, label in report.labels.items())
        rows = {
            "images": f"{report.count} ({report.kind}), {report.readable} readable",
            "sizes": f"{sizes or 'none'}{', ...' if len(report.sizes) > 5 else ''}",
            "pixels": f"{report.dtype}, {report.channels} channel(s)",
            "range": f"{report.pixel_range}, seen {report.minimum:g} to {report.maximum:g}, mean {report.mean:g}",
            "labels": labels or "none",
        }
        for name, text in rows.items():
            console.print(f"{name:<8} {text}", markup=False, highlight=False, soft_wrap=True)
        for note in report.notes:
            console.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)
        for problem in report.problems:
            console.print(f"problem: {problem}", markup=False, highlight=False, soft_wrap=True)
        console.print(f"{report.problem_count or 'no'} problem(s) found", highlight=False)
        return _PROBLEMS_FOUND if report.problem_count else 0


@dataclass(frozen=True)
class RenderEyes:
    """Render the embedded data set: labelled eyes, in HDF5.

    `synthetic` is clean. `camera` shows the same anatomy through a simulated cheap camera (noise, blur, compression,
    uneven light): it stands in for photographs, which may not be shipped, and its labels are for scoring only.
    """

    out: Positional[Path]
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
        from simgan.eyes import write_eyes
        from simgan.progress import show_progress

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
        console.print(f"{self.count} {self.domain} eyes are in {self.out}.", soft_wrap=True)
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
        from simgan.demo import run_demo

        run_demo(self.out, self.seed, console)
        return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line; returns its exit code: 0 done, 1 problems found by check, 2 bad input."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    errors = Console(stderr=True)
    try:
        command = _parse(given)
        return command.run(Console())
    except SimGANError as error:
        message = str(error)
    except OSError as error:
        message = f"cannot read or write: {' '.join(str(error).split())}; check the disk and the permissions."
    except KeyboardInterrupt:
        errors.print("simgan: interrupted", highlight=False)
        return _INTERRUPTED
    errors.print(f"simgan: error: {message}", markup=False, highlight=False, soft_wrap=True)
    return _BAD_INPUT


def _parse(arguments: list[str]) -> Command:
    commands: Any = (
        Annotated[Train, subcommand("train", default=_train_defaults(arguments))]
        | Annotated[Refine, subcommand("refine")]
        | Annotated[Check, subcommand("check")]
        | Annotated[RenderEyes, subcommand("render-eyes")]
        | Annotated[Demo, subcommand("demo")]
    )
    return tyro.cli(  # type: ignore[no-any-return]
        commands,
        prog="simgan",
        description="SimGAN makes labelled synthetic images look real and leaves their labels true.",
        args=arguments,
    )


def _train_defaults(arguments: list[str]) -> Train:
    """The `train` command with what --preset and --config say, so that its --help shows the settings in force."""
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    early.add_argument("--preset", choices=PRESETS, default="default")
    early.add_argument("--config", type=Path)
    early.add_argument("--synthetic")
    early.add_argument("--real")
    training = arguments[:1] == ["train"]
    try:
        chosen, _ = early.parse_known_args(arguments if training else [])
    except argparse.ArgumentError:
        chosen = early.parse_args([])  # tyro reports it
    settings, data = read_settings(chosen.config) if chosen.config else ({}, None)
    # Key and range belong to a path: another path has its own.
    synthetic = data.synthetic if data and not chosen.synthetic else SourceRecord(path="")
    real = data.real if data and not chosen.real else SourceRecord(path="")
    return Train(
        synthetic=Path(synthetic.path) if synthetic.path else tyro.MISSING,
        real=Path(real.path) if real.path else tyro.MISSING,
        out=tyro.MISSING,
        synthetic_key=synthetic.key,
        real_key=real.key,
        synthetic_range=synthetic.range,
        real_range=real.range,
        settings=make_config(settings, PRESETS[chosen.preset].config),
    )


def _pixel_range(limits: Range) -> Any:
    from simgan.images import PixelRange

    return PixelRange(*limits) if limits else None


def _open(path: Path, key: str | None, limits: Range) -> Any:
    from simgan.images import open_images

    return open_images(path, key=key, pixel_range=_pixel_range(limits))
