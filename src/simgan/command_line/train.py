"""The `train` command, whose settings take longer to import than the rest of the command line: so apart from it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

from simgan.command_line.reading import Range, open_data, say_notes
from simgan.console.printing import print_line
from simgan.errors import ConfigError
from simgan.settings.choices import Channels, Layout, OnBadImage
from simgan.settings.config import (
    DataRecord,
    SourceRecord,
    TrainConfig,
    read_run,
)
from simgan.settings.presets import PresetName

if TYPE_CHECKING:
    from rich.console import Console

    from simgan.runs.run import Run


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
    """The run folder to make: models, metrics, sample pictures, checkpoints, report.html."""
    resume: Path | None = None
    """Go on with the training in this run folder, which stopped early: give nothing else. Bit for bit as if it had
    never stopped. New paths of the same data may be given. A larger --steps prolongs the training, finished or not,
    bit for bit as if so many steps had been asked for at the start."""
    preset: PresetName = "default"
    """Settings to start from. `eyes`: what measured best, start with it. `demo`: the same, half the filters.
    `default`: the reference, SGD at batch 512. `paper-gaze`, `paper-hand`: the paper's networks and step."""
    config: Path | None = None
    """TOML file with settings, say the config.toml of a run, which also remembers --synthetic and --real."""
    synthetic_key: str | None = None
    """Name of the images in an HDF5 or .npz file that holds several arrays."""
    real_key: str | None = None
    """The same for the photographs."""
    synthetic_layout: Layout | None = None
    """Where an array of 4 axes has its channels: nhwc last, nchw first."""
    real_layout: Layout | None = None
    """The same for the photographs."""
    synthetic_images: str | None = None
    """Which files of a folder are the images, as globs separated by commas: 'rgb/*.png'. By default all pictures but
    masks and other labels of them."""
    real_images: str | None = None
    """The same for the photographs."""
    channels: Channels = None
    """Convert every picture of both folders to grey (1) or RGB (3)."""
    follow_links: bool = True
    """Follow links in folders; forbid them in folders that you do not trust."""
    synthetic_range: Range = None
    """Stored values of black and white, where they are not those of the type: say 0 4095 for 12 bits."""
    real_range: Range = None
    """The same for the photographs."""
    on_bad_image: OnBadImage = "stop"
    """What becomes of images that cannot be used: `stop` at the first, or `skip` them all, listed in RUN/left_out.csv.
    To find them each image is read once before training."""
    dry_run: bool = False
    """Print the settings and the data found, and stop."""
    settings: Annotated[TrainConfig, arg(name="")] = field(default_factory=TrainConfig)

    def run(self, console: Console) -> int:
        """Trains, then draws the report."""
        if self.resume is not None:
            return self._resume(self.resume, console)
        from simgan.files.folders import check_new, check_outside
        from simgan.training.batches import training_size

        check_new(self.out)
        for data in (self.synthetic, self.real):
            check_outside(self.out, data)

        both: dict[str, Any] = {"channels": self.channels, "follow_links": self.follow_links}
        with (
            open_data(
                self.synthetic,
                self.synthetic_key,
                self.synthetic_range,
                self.on_bad_image,
                console,
                layout=self.synthetic_layout,
                images=self.synthetic_images,
                **both,
            ) as synthetic,
            open_data(
                self.real,
                self.real_key,
                self.real_range,
                self.on_bad_image,
                console,
                layout=self.real_layout,
                images=self.real_images,
                **both,
            ) as real,
        ):
            if self.dry_run:
                height, width = training_size(synthetic, real, self.settings.height_width, self.settings.batch_size)
                console.print(self.settings.to_toml(), markup=False, highlight=False)
                for name, source in (("synthetic", synthetic), ("real", real)):
                    print_line(
                        console,
                        f"{name}: {len(source)} images of {source.channels} channel(s) {source.dtype}, black to white "
                        f"{source.pixel_range}, in "
                        f"{source.path} ({source.kind}), trained at {height}x{width}, labels: "
                        f"{', '.join(source.label_names) or 'none'}",
                    )
                    say_notes(console, source, flag=f"--{name}-range", resized_to=(height, width))
                return 0
            from simgan.training.train import train

            run = train(self.settings, synthetic, real, self.out, console=console)
        return self._finished(run, console)

    def _resume(self, folder: Path, console: Console) -> int:
        """Goes on where a training stopped, with the same settings or not at all."""
        from simgan.runs.run import typed_range
        from simgan.training.train import resume

        if self.out != folder:
            raise ConfigError(
                f"out: expected {folder}, in which the training goes on, received {self.out}; leave it out."
            )
        _, data = read_run(folder)
        self._check_reading(data)
        with ExitStack() as opened:
            # Data may have moved, not changed: that is for `resume` to see.
            synthetic, real = (
                opened.enter_context(
                    open_data(
                        path,
                        record.key,
                        typed_range(record),
                        record.on_bad_image,
                        console,
                        layout=record.layout,
                        **record.folder_options,
                    )
                )
                if str(path) != record.path
                else None
                for path, record in ((self.synthetic, data.synthetic), (self.real, data.real))
            )
            run = resume(folder, self.settings, synthetic=synthetic, real=real, console=console)
        return self._finished(run, console)

    def _check_reading(self, data: DataRecord) -> None:
        """ConfigError if the images are to be read in another way than the training began with."""
        for name, before in reading_arguments(data.synthetic, data.real).items():
            now = getattr(self, name)
            if now != before:
                raise ConfigError(
                    f"{name}: expected {before}, as the training began with, received {now}; leave it out, or train "
                    "anew with another --out."
                )
        if self.dry_run:
            raise ConfigError("dry_run: expected a new training, received --resume as well; leave one of them out.")

    @staticmethod
    def _finished(run: Run, console: Console) -> int:
        """Draws the report and says how to go on."""
        from simgan.report import write_report

        print_line(console, f"The refiner is in {run.path}; its report is {write_report(run)}.")
        print_line(console, f"Refine a data set: simgan refine {quote(str(run.path))} INPUT OUTPUT")
        return 0


def reading_arguments(synthetic: SourceRecord, real: SourceRecord) -> dict[str, Any]:
    """How both sets were read for a run, as arguments of `Train`: by set where that has one for each, else by name.

    A new field of SourceRecord comes along as soon as `Train` has an argument of that name.
    """
    arguments: dict[str, Any] = {}
    for name in SourceRecord.model_fields:
        if f"synthetic_{name}" in Train.__dataclass_fields__:
            arguments |= {f"synthetic_{name}": getattr(synthetic, name), f"real_{name}": getattr(real, name)}
        elif name in Train.__dataclass_fields__:
            arguments[name] = getattr(synthetic, name)
    # One flag for both sets: a set without bad images is read alike either way.
    arguments["on_bad_image"] = "skip" if "skip" in (synthetic.on_bad_image, real.on_bad_image) else "stop"
    return arguments
