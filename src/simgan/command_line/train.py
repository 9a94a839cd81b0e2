"""The `train` command, whose settings take longer to import than the rest of the command line: so apart from it."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

from tyro import MISSING
from tyro.conf import arg

from simgan.command_line.commands import Channels, Layout, OnBadImage, Range, open_data, say_notes
from simgan.console.printing import say
from simgan.errors import ConfigError
from simgan.settings.config import (
    SETTINGS_FREE_TO_CHANGE,
    DataRecord,
    SourceRecord,
    TrainConfig,
    make_config,
    read_run,
    read_settings,
)
from simgan.settings.presets import PRESETS, PresetName

if TYPE_CHECKING:
    from rich.console import Console


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
                    say(
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
        return self._finished(run.path, console)

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
        return self._finished(run.path, console)

    def _check_reading(self, data: DataRecord) -> None:
        """ConfigError if the images are to be read in another way than the training began with."""
        asked = {
            "synthetic_key": (self.synthetic_key, data.synthetic.key),
            "real_key": (self.real_key, data.real.key),
            "synthetic_layout": (self.synthetic_layout, data.synthetic.layout),
            "real_layout": (self.real_layout, data.real.layout),
            "synthetic_range": (self.synthetic_range, data.synthetic.range),
            "real_range": (self.real_range, data.real.range),
            "on_bad_image": (self.on_bad_image, data.synthetic.on_bad_image),
            "synthetic_images": (self.synthetic_images, data.synthetic.images),
            "real_images": (self.real_images, data.real.images),
            "channels": (self.channels, data.synthetic.channels),
            "follow_links": (self.follow_links, data.synthetic.follow_links),
        }
        for name, (now, before) in asked.items():
            if now != before:
                raise ConfigError(
                    f"{name}: expected {before}, as the training began with, received {now}; leave it out, or train "
                    "anew with another --out."
                )
        if self.dry_run:
            raise ConfigError("dry_run: expected a new training, received --resume as well; leave one of them out.")

    @staticmethod
    def _finished(folder: Path, console: Console) -> int:
        say(console, f"The refiner is in {folder}; its report is {folder / 'report.html'}.")
        say(console, f"Refine a data set: simgan refine {quote(str(folder))} INPUT OUTPUT")
        return 0


def train_defaults(arguments: list[str]) -> Train:
    """The `train` command with what --preset and --config say, so that its --help shows the settings in force."""
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    early.add_argument("--preset", choices=PRESETS)
    early.add_argument("--config", type=Path)
    early.add_argument("--resume", type=Path)
    early.add_argument("--synthetic")
    early.add_argument("--real")
    try:
        chosen, _ = early.parse_known_args(arguments)
    except argparse.ArgumentError:
        chosen = early.parse_args([])  # tyro reports it
    if chosen.resume is not None:
        return _resume_defaults(chosen.resume, chosen.preset, chosen.config)
    settings, data = read_settings(chosen.config) if chosen.config else ({}, None)
    # Key and range belong to a path: another path has its own.
    synthetic = data.synthetic if data and not chosen.synthetic else SourceRecord(path="")
    real = data.real if data and not chosen.real else SourceRecord(path="")
    return Train(
        synthetic=Path(synthetic.path) if synthetic.path else MISSING,
        real=Path(real.path) if real.path else MISSING,
        out=MISSING,
        synthetic_key=synthetic.key,
        real_key=real.key,
        synthetic_layout=synthetic.layout,
        real_layout=real.layout,
        synthetic_images=synthetic.images,
        real_images=real.images,
        channels=synthetic.channels,
        follow_links=synthetic.follow_links,
        synthetic_range=synthetic.range,
        real_range=real.range,
        on_bad_image="skip" if "skip" in (synthetic.on_bad_image, real.on_bad_image) else "stop",
        settings=make_config(settings, PRESETS[chosen.preset or "default"].config),
    )


def _resume_defaults(folder: Path, preset: PresetName | None, file: Path | None) -> Train:
    """The settings of a run; with --preset or --config what these say, for `resume` to compare."""
    config, trained_on = read_run(folder)
    if preset is not None or file is not None:
        given, _ = read_settings(file) if file else ({}, None)
        asked = make_config(given, PRESETS[preset or "default"].config)
        recorded = config.model_dump()
        # What the machine decided, or what may change on the way, is no other setting.
        free = {
            name
            for name in recorded
            if getattr(asked, name) == "auto" or (name in SETTINGS_FREE_TO_CHANGE and name not in given)
        }
        config = asked.model_copy(update={name: recorded[name] for name in free})
    synthetic, real = trained_on.synthetic, trained_on.real
    return Train(
        synthetic=Path(synthetic.path),
        real=Path(real.path),
        out=folder,
        resume=folder,
        synthetic_key=synthetic.key,
        real_key=real.key,
        synthetic_layout=synthetic.layout,
        real_layout=real.layout,
        synthetic_images=synthetic.images,
        real_images=real.images,
        channels=synthetic.channels,
        follow_links=synthetic.follow_links,
        synthetic_range=synthetic.range,
        real_range=real.range,
        on_bad_image=synthetic.on_bad_image,
        settings=config,
    )
