"""The `train` command. `main` imports this module only on demand, because the settings take long to import."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

from simgan.command_line.reading import Range, open_data, print_notes
from simgan.console.printing import print_line
from simgan.errors import ConfigError
from simgan.settings.choices import Channels, Layout, OnBadImage
from simgan.settings.config import TrainConfig
from simgan.settings.presets import PresetName
from simgan.settings.records import DataRecord, SourceRecord, read_run

if TYPE_CHECKING:
    from rich.console import Console

    from simgan.runs.run import Run


@dataclass(frozen=True)
class Train:
    """Train a refiner on synthetic images and photographs.

    The flags override the settings in --config, and those override the settings in --preset. Start with --dry-run: it
    prints the settings and a description of the data, then stops. Progress lines show the share of real and of refined
    patches that D classifies correctly. If that share stays near 1 for long, R does not learn; near 0.5, D cannot
    tell real and refined patches apart."""

    synthetic: Path
    """Labelled synthetic images: HDF5, .npy, .npz or a folder of PNG, JPEG, TIFF or BMP."""
    real: Path
    """Photographs without labels: the same formats and the same number of channels."""
    out: Path
    """The run folder to create, for models, metrics, sample pictures, checkpoints and report.html."""
    resume: Path | None = None
    """Continue the training in this run folder, which stopped early. No other argument is needed. The result is the
    same, bit for bit, as without the stop. If the data have moved, give their new paths. A larger --steps prolongs a
    training, finished or not; the result is the same, bit for bit, as with that number of steps from the start."""
    preset: PresetName = "default"
    """Settings to start from. `wide`: like `default` with twice the filters, and four times the time. `reference`: the
    Keras description, SGD with batches of 512, which learns slowly. `paper-gaze`, `paper-hand`: the paper's networks
    and step size. With --config, the settings that the file does not name come from `reference`."""
    config: Path | None = None
    """TOML file of settings, such as the config.toml of a run, which also contains --synthetic and --real."""
    synthetic_key: str | None = None
    """Name of the array of synthetic images, if an HDF5 or .npz file holds several arrays."""
    real_key: str | None = None
    """The same as --synthetic-key, for the photographs."""
    synthetic_layout: Layout | None = None
    """Position of the channels in an array of 4 axes: nhwc (channels last) or nchw (channels first)."""
    real_layout: Layout | None = None
    """The same as --synthetic-layout, for the photographs."""
    synthetic_images: str | None = None
    """Which files of a folder are the images, as globs separated by commas: 'rgb/*.png'. By default all pictures
    except masks and other labels."""
    real_images: str | None = None
    """The same as --synthetic-images, for the photographs."""
    channels: Channels = None
    """Convert every picture in both folders to grey (1) or RGB (3)."""
    follow_links: bool = True
    """Follow links in folders. Forbid links in folders that you do not trust."""
    synthetic_range: Range = None
    """Stored values of black and white, if they are not the limits of the pixel type: 0 4095 for 12 bits."""
    real_range: Range = None
    """The same as --synthetic-range, for the photographs."""
    on_bad_image: OnBadImage = "stop"
    """What to do with images that cannot be used: `stop` at the first, or `skip` all and list them in
    RUN/left_out.csv. To find these images, `skip` reads every image once before training."""
    dry_run: bool = False
    """Print the settings and a description of the data, and stop."""
    settings: Annotated[TrainConfig, arg(name="")] = field(default_factory=TrainConfig)

    def run(self, console: Console) -> int:
        """Trains, then writes the report."""
        if self.resume is not None:
            return self._resume(self.resume, console)
        from simgan.files.folders import check_new, check_outside
        from simgan.training.preparation import prepare

        check_new(self.out)
        for data in (self.synthetic, self.real):
            check_outside(self.out, data)

        folder_options: dict[str, Any] = {"channels": self.channels, "follow_links": self.follow_links}
        with (
            open_data(
                self.synthetic,
                self.synthetic_key,
                self.synthetic_range,
                self.on_bad_image,
                console,
                layout=self.synthetic_layout,
                images=self.synthetic_images,
                **folder_options,
            ) as synthetic,
            open_data(
                self.real,
                self.real_key,
                self.real_range,
                self.on_bad_image,
                console,
                layout=self.real_layout,
                images=self.real_images,
                **folder_options,
            ) as real,
        ):
            if self.dry_run:
                prepared = prepare(self.settings, synthetic, real)
                settings, (height, width) = prepared.config, prepared.size
                console.print(settings.to_toml(), markup=False, highlight=False)
                for note in prepared.notes:
                    print_line(console, f"note: {note}")
                for name, source in (("synthetic", synthetic), ("real", real)):
                    print_line(
                        console,
                        f"{name}: {len(source)} images of {source.channels} channel(s) {source.dtype}, pixel range "
                        f"{source.pixel_range}, in "
                        f"{source.path} ({source.kind}), size in training {height}x{width}, labels: "
                        f"{', '.join(source.label_names) or 'none'}",
                    )
                    resized_to = None if settings.crop else (height, width)
                    print_notes(console, source, flag=f"--{name}-range", resized_to=resized_to)
                return 0
            from simgan.training.train import train

            run = train(self.settings, synthetic, real, self.out, console=console)
        return self._finished(run, console)

    def _resume(self, folder: Path, console: Console) -> int:
        """Continues a training that stopped. Settings that differ from those of the run are an error."""
        from simgan.runs.run import recorded_options
        from simgan.training.train import resume

        if self.out != folder:
            raise ConfigError(
                f"out: expected {folder}, the run folder of --resume, received {self.out}; leave out --out."
            )
        _, data = read_run(folder)
        self._check_reading(data)
        with ExitStack() as opened:
            # Data may have moved to a new path. `resume` checks that their content has not changed.
            synthetic, real = (
                opened.enter_context(self._open_moved(path, recorded_options(record), console))
                if str(path) != record.path
                else None
                for path, record in ((self.synthetic, data.synthetic), (self.real, data.real))
            )
            run = resume(folder, self.settings, synthetic=synthetic, real=real, console=console)
        return self._finished(run, console)

    @staticmethod
    def _open_moved(path: Path, options: dict[str, Any], console: Console) -> Any:
        return open_data(path, limits=options.pop("pixel_range"), console=console, **options)

    def _check_reading(self, data: DataRecord) -> None:
        """Raises ConfigError if an option would read the images differently from the start of the training."""
        for name, before in reading_arguments(data.synthetic, data.real).items():
            now = getattr(self, name)
            if now != before:
                raise ConfigError(
                    f"{name}: expected {before}, as at the start of the training, received {now}; leave it out, or "
                    "start a new training with another --out."
                )
        if self.dry_run:
            raise ConfigError("dry_run: expected a new training, received --resume too; leave out one of them.")

    @staticmethod
    def _finished(run: Run, console: Console) -> int:
        """Writes the report and prints the next command."""
        from simgan.report import write_report

        print_line(console, f"The refiner is in {run.path}; its report is {write_report(run)}.")
        print_line(console, f"Refine a data set: simgan refine {quote(str(run.path))} INPUT OUTPUT")
        return 0


def reading_arguments(synthetic: SourceRecord, real: SourceRecord) -> dict[str, Any]:
    """The options with which a run read both data sets, as arguments of `Train`.

    The field `key` of SourceRecord becomes `synthetic_key` and `real_key`, and so does every field that `Train` has
    once for each set. A field that `Train` has once for both sets, such as `channels`, keeps its name. A new field of
    SourceRecord is included as soon as `Train` has an argument of that name.
    """
    arguments: dict[str, Any] = {}
    for name in SourceRecord.model_fields:
        if f"synthetic_{name}" in Train.__dataclass_fields__:
            arguments |= {f"synthetic_{name}": getattr(synthetic, name), f"real_{name}": getattr(real, name)}
        elif name in Train.__dataclass_fields__:
            arguments[name] = getattr(synthetic, name)
    # One flag serves both sets: for a set without bad images, `skip` and `stop` make no difference.
    arguments["on_bad_image"] = "skip" if "skip" in (synthetic.on_bad_image, real.on_bad_image) else "stop"
    return arguments
