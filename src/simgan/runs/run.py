"""The run folder: the files that a training writes, and how a run folder is opened.

config.toml           every setting, and the paths of the data; `simgan train --config` repeats the run
metrics.jsonl         one JSON object for each log interval
events.out.tfevents*  the same numbers for TensorBoard
checkpoints/          states from which `simgan train --resume` continues
evaluation/           results of `simgan evaluate`
turing/               answers given in `simgan turing`
report.html           settings, curves, pictures and results on one page
left_out.csv          images that could not be used; written with --on-bad-image skip
framing.json, .png    whether both data sets are framed alike as R and D see them, measured before training
framing_map.json      how synthetic images get the framing of the photographs before R; written if training does that
photographs.npz       small photographs to which synthetic images are matched before R; written if training does that
snapshots/            weights of R at intervals of the adversarial phase, by which `simgan refine` varies its style
samples/step_*.png    synthetic | refined | real | difference
networks.safetensors  weights of R and D, from which simgan loads them
*_model.keras, .h5    refiner, disc and simgan as Keras models: float32, channels last
"""

import json
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError, RunError
from simgan.files.numbers import fill_network
from simgan.framing.quantiles import FramingMap
from simgan.images import ImageSource, PixelRange, open_images
from simgan.images.opening import HDF5_SUFFIXES
from simgan.images.ranges import TypedRange
from simgan.models import discriminator_model, refiner_model
from simgan.runs.checkpoints import (
    ARRAYS,
    all_checkpoints,
    checkpoint_at_end,
    find_checkpoint,
    is_pretrained_only,
)
from simgan.settings.config import TrainConfig
from simgan.settings.records import DataRecord, SourceRecord, read_run

METRICS, CHECKPOINTS = "metrics.jsonl", "checkpoints"
NETWORKS = "networks.safetensors"
FRAMING_MAP, PHOTOGRAPHS, SNAPSHOTS = "framing_map.json", "photographs.npz", "snapshots"
SNAPSHOT_PART = "refiner"  # name of R in a snapshot
_SNAPSHOTS_AFTER = 0.4  # of the adversarial phase: R has learnt little before (ours, docs/experiments.md, 17)
REFINER, DISCRIMINATOR = "averaged_refiner", "discriminator"  # names in NETWORKS and in a checkpoint


@dataclass(frozen=True)
class Run:
    """A finished training, or one checkpoint of a training that need not be finished."""

    path: Path
    config: TrainConfig
    data: DataRecord
    checkpoint: Path | None = None
    """The checkpoint that holds the networks; None: the networks at the end of the training."""

    @classmethod
    def open(cls, path: str | Path, checkpoint: str | None = None) -> "Run":
        """Opens a run folder.

        Args:
            path: the run folder.
            checkpoint: `newest`, `best` or the name of a checkpoint: the run then uses the networks of that
                checkpoint, and the training need not be finished.

        Raises:
            RunError: the folder is missing, there is no such checkpoint, the training did not finish, or the file of
                its networks is missing.
        """
        folder = Path(path)
        config, data = read_run(folder)
        if checkpoint is not None:
            return cls(folder, config, data, find_checkpoint(folder / CHECKPOINTS, checkpoint))
        if not is_finished(folder):
            raise _without_networks(folder, config)
        return cls(folder, config, data)

    @property
    def is_pretrained_only(self) -> bool:
        """Whether R had no adversarial update yet: trained on self-regularisation alone, R changes images little."""
        return self.config.steps == 0 if self.checkpoint is None else is_pretrained_only(self.checkpoint)

    @property
    def input_range(self) -> TypedRange | None:
        """Pixel range and stored type of the synthetic images in training; None if an older version wrote the run."""
        return typed_range(self.data.synthetic)

    @cached_property
    def framing_map(self) -> FramingMap | None:
        """How a synthetic image is framed before R refines it; None: it is refined as it is.

        Raises:
            RunError: the file of the map is missing or damaged.
        """
        return read_framing_map(self.path, self.config)

    @cached_property
    def refiner(self) -> keras.Model:
        """R for images of any size, float32, channels last. The config gives its layers, a file only its weights."""
        refiner = refiner_model(None, None, self.data.channels, **dict(self.config.refiner))
        self._fill(REFINER, refiner)
        return refiner

    @cached_property
    def photographs(self) -> list[NDArray[np.uint8]]:
        """The photographs (h, w, C) to which an image is matched before R refines it; empty: R sees it as it is.

        Raises:
            RunError: the file of the photographs is missing or damaged.
        """
        return read_photographs(self.path, self.config)

    @cached_property
    def snapshots(self) -> list[list[NDArray[np.float32]]]:
        """The weights of R by which `refine_data_set` refines, as from `get_weights`; empty: R has no snapshots.

        A run that is opened at a checkpoint has none.

        Raises:
            RunError: the file of a snapshot is missing or damaged.
        """
        if self.checkpoint is not None or not self.config.snapshot_every:
            return []
        refiner = refiner_model(None, None, self.data.channels, **dict(self.config.refiner))
        found = []
        every, steps = self.config.snapshot_every, self.config.steps
        for step in range(every, steps + 1, every):
            if step > _SNAPSHOTS_AFTER * steps:
                fill_network(snapshot_path(self.path, step), SNAPSHOT_PART, refiner)
                found.append(refiner.get_weights())
        return found if len(found) > 1 else []  # a single one would replace R at the end by an earlier R

    @cached_property
    def discriminator(self) -> keras.Model:
        """D for images of the training's size, float32, channels last."""
        data = self.data
        disc = discriminator_model(data.width, data.height, data.channels, **dict(self.config.discriminator))
        self._fill(DISCRIMINATOR, disc)
        return disc

    def _fill(self, part: str, model: keras.Model) -> None:
        """Loads the weights of the network `part`; RunError, with the way out, if they cannot be read."""
        path = self.path / NETWORKS if self.checkpoint is None else self.checkpoint / ARRAYS
        try:
            fill_network(path, part, model)
        except RunError as error:
            last = checkpoint_at_end(self.path / CHECKPOINTS, self.config.steps)
            if self.checkpoint is not None:
                way_out = f"choose another of the checkpoints in {self.path / CHECKPOINTS}"
            elif last is not None:
                way_out = f"remove the file, then {_made_anew(self.path, last)}"
            else:
                way_out = "restore the file from a copy, or train anew"
            raise RunError(f"{str(error).rstrip('.')}; {way_out}.") from None

    def metrics(self) -> list[dict[str, Any]]:
        """The records of metrics.jsonl, oldest first.

        Raises:
            RunError: the file cannot be read, or a line of it is not a record that a training wrote.
        """
        path = self.path / METRICS
        try:
            return [read_record(line) for line in path.read_text(encoding="utf-8").splitlines()]
        except (OSError, ValueError) as error:
            raise RunError(f"run: expected the records of a training in {path} ({error}); restore the file.") from None


def read_record(line: str) -> dict[str, Any]:
    """The record in one line of metrics.jsonl.

    Raises:
        ValueError: the line is not a record that a training wrote.
    """
    record = json.loads(line)
    if not isinstance(record, dict) or not isinstance(record.get("phase"), str):
        raise ValueError(f"no phase in {line[:40]!r}")
    numbers = [value for name, value in record.items() if name != "phase"]
    if "step" not in record or not all(isinstance(value, int | float) for value in numbers):
        raise ValueError(f"expected a step and numbers in {line[:40]!r}")
    return record


def is_finished(folder: Path) -> bool:
    """Whether the training of a run folder is finished: the last file that a training writes is NETWORKS."""
    return (folder / NETWORKS).is_file()


def _without_networks(folder: Path, config: TrainConfig) -> RunError:
    """The error for a run folder without NETWORKS: the training did not finish, or the file was lost."""
    last = checkpoint_at_end(folder / CHECKPOINTS, config.steps)
    missing = f"run: expected the file {NETWORKS} in {folder}, received none, although the training made its last step"
    if last is not None:
        return RunError(f"{missing}; {_made_anew(folder, last)}.")
    if not all_checkpoints(folder / CHECKPOINTS) and any(folder.glob("*_model.*")):
        return RunError(f"{missing}, and no checkpoint to make it from; restore the file from a copy, or train anew.")
    return RunError(
        f"run: expected a finished training, received {folder}, whose training stopped early or is still running; "
        f"continue it with 'simgan train --resume {quote(str(folder))}'."
    )


def _made_anew(folder: Path, checkpoint: Path) -> str:
    return f"'simgan train --resume {quote(str(folder))}' writes it anew from the checkpoint {checkpoint.name}"


def read_framing_map(folder: Path, config: TrainConfig) -> FramingMap | None:
    """The framing map of a run, finished or not; None if its training keeps the framing of the synthetic images.

    Raises:
        RunError: the file is missing or damaged.
    """
    if config.framing != "match":
        return None
    path = folder / FRAMING_MAP
    try:
        return FramingMap.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(
            f"run: expected the framing map of the training in {path}, received no such file or a damaged one "
            f"({error}); restore the file from a copy, or train anew."
        ) from None


def read_photographs(folder: Path, config: TrainConfig) -> list[NDArray[np.uint8]]:
    """The photographs to which a run, finished or not, matches synthetic images; none if its training did not.

    Raises:
        RunError: the file is missing or damaged.
    """
    if config.match == "none":
        return []
    path = folder / PHOTOGRAPHS
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:  # np.load may leave a path open
            found = [file[name] for name in sorted(file.files)]
        if not found or any(one.dtype != np.uint8 or one.ndim != 3 or 0 in one.shape for one in found):
            raise ValueError("expected images (h, w, C) of 8 bits")
    except (
        *(OSError, EOFError, ValueError, TypeError, KeyError, NotImplementedError, RuntimeError),
        *(zipfile.BadZipFile, zlib.error),
    ) as error:
        raise RunError(
            f"run: expected photographs in {path}, to which images are matched before R, received no such file or a "
            f"damaged one ({error}); restore the file from a copy, or train anew."
        ) from None
    return found


def snapshot_path(folder: Path, step: int) -> Path:
    """The file of the weights of R after an adversarial step."""
    return folder / SNAPSHOTS / f"step_{step:06d}.safetensors"


def typed_range(record: SourceRecord) -> TypedRange | None:
    """The pixel range that training used for a data set, and the stored type of that range. None if not recorded."""
    if record.range is None:
        return None
    return TypedRange(PixelRange(*record.range), np.dtype(record.dtype) if record.dtype else None)


def recorded_path(record: SourceRecord, name: str = "data", flag: str = "--synthetic or --real") -> Path:
    """The path of a data set that a run was trained on.

    Raises:
        DataError: nothing is there any more; the message begins with `name` and advises `flag`.
    """
    path = Path(record.path)
    if not path.exists():
        raise DataError(
            f"{name}: expected images at {path}, as in training, received a path that does not exist; give their path "
            f"with {flag}."
        )
    return path


def recorded_options(record: SourceRecord) -> dict[str, Any]:
    """The arguments of `open_images` with which training read a data set."""
    return {
        "key": record.key,
        "layout": record.layout,
        "pixel_range": typed_range(record),
        "on_bad_image": record.on_bad_image,
        "images": record.images,
        "channels": record.channels,
        "follow_links": record.follow_links,
    }


def options_for(record: SourceRecord, path: Path) -> dict[str, Any]:
    """As `recorded_options`, for images at `path`, which may be others than those of the training.

    A key applies to files of the same format, a layout to files, and globs of images to the same folder.
    """
    options, trained = recorded_options(record), Path(record.path)
    if path.resolve() == trained.resolve():
        return options
    if path.is_dir() or _format(path) != _format(trained):
        options["key"] = None
    if path.is_dir():
        options["layout"] = None
    return {**options, "images": None}


def _format(path: Path) -> str:
    suffix = path.suffix.lower()
    return HDF5_SUFFIXES[0] if suffix in HDF5_SUFFIXES else suffix


def open_recorded(record: SourceRecord) -> ImageSource:
    """Opens a data set that a run was trained on, and reads it as the training did.

    Raises:
        DataError: nothing is at its path any more.
    """
    return open_images(recorded_path(record), **recorded_options(record))
