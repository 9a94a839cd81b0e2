"""The run folder: what a training leaves behind, and how it is opened again.

config.toml           every setting, and where the data were; `simgan train --config` repeats the run
metrics.jsonl         one JSON object a log interval
events.out.tfevents*  the same for TensorBoard
checkpoints/          what a training goes on from: `simgan train --resume`
evaluation/           what `simgan evaluate` measured; turing/: answers of `simgan turing`
report.html           all of it on one page
left_out.csv          images that could not be used, if they were to be skipped
framing.json, .png    are both sets framed alike? what was found before training
samples/step_*.png    synthetic | refined | real | difference
networks.safetensors  R and D as simgan reads them: numbers alone
*_model.keras, .h5    refiner, disc and simgan for Keras: float32, channels last
"""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import Any

import keras
import numpy as np
import tomli_w

from simgan.console.absl_log import no_absl_warnings
from simgan.errors import DataError, RunError
from simgan.files.folders import replace, sync, write_whole
from simgan.files.numbers import fill_network, save_networks
from simgan.images import ImageSource, LeftOut, PixelRange, open_images
from simgan.images.ranges import TypedRange
from simgan.models import discriminator_model, refiner_model, simgan_model
from simgan.runs.position import PHASES, Position
from simgan.settings.config import CONFIG_FILE, DataRecord, SourceRecord, TrainConfig, read_run
from simgan.training.checkpoint import ARRAYS, find_checkpoint, is_pretrained_only
from simgan.training.steps import TrainState

METRICS, CHECKPOINTS, LEFT_OUT = "metrics.jsonl", "checkpoints", "left_out.csv"
_NETWORKS = "networks.safetensors"
_REFINER, _DISCRIMINATOR = "averaged_refiner", "discriminator"  # their names in a TrainState


@dataclass(frozen=True)
class Run:
    """A training that finished, or a checkpoint of one."""

    path: Path
    config: TrainConfig
    data: DataRecord
    checkpoint: Path | None = None
    """Where its networks come from; None: they are those at the end of training."""

    @classmethod
    def open(cls, path: str | Path, checkpoint: str | None = None) -> "Run":
        """Opens a run folder.

        Args:
            path: the run folder.
            checkpoint: `newest`, `best` or the name of a checkpoint, whose networks are used; then the training need
                not be finished.

        Raises:
            RunError: the folder is missing, there is no such checkpoint, or the training did not finish.
        """
        folder = Path(path)
        config, data = read_run(folder)
        if checkpoint is not None:
            return cls(folder, config, data, find_checkpoint(folder / CHECKPOINTS, checkpoint))
        if not is_finished(folder):
            raise RunError(
                f"run: expected a finished training, received {folder}, where one stopped early or is at work; go on "
                f"with 'simgan train --resume {quote(str(folder))}'."
            )
        return cls(folder, config, data)

    @property
    def is_pretrained_only(self) -> bool:
        """Whether R has not met D yet: it was trained on self-regularisation alone, and changes images little."""
        return self.config.steps == 0 if self.checkpoint is None else is_pretrained_only(self.checkpoint)

    @property
    def input_range(self) -> TypedRange | None:
        """The pixel range of the synthetic images in training, and their type; None in a run of an older version."""
        return typed_range(self.data.synthetic)

    @cached_property
    def refiner(self) -> keras.Model:
        """R for images of any size, float32, channels last. Built from the config: a file gives only numbers."""
        refiner = refiner_model(None, None, self.data.channels, **dict(self.config.refiner))
        fill_network(self._networks, _REFINER, refiner)
        return refiner

    @cached_property
    def discriminator(self) -> keras.Model:
        """D for images of the training's size, float32, channels last."""
        data = self.data
        disc = discriminator_model(data.width, data.height, data.channels, **dict(self.config.discriminator))
        fill_network(self._networks, _DISCRIMINATOR, disc)
        return disc

    @property
    def _networks(self) -> Path:
        return self.path / _NETWORKS if self.checkpoint is None else self.checkpoint / ARRAYS

    def metrics(self) -> list[dict[str, Any]]:
        """The records of metrics.jsonl, oldest first.

        Raises:
            RunError: a line is not one that a training wrote.
        """
        path = self.path / METRICS
        try:
            return [_record(line) for line in path.read_text(encoding="utf-8").splitlines()]
        except (OSError, ValueError) as error:
            raise RunError(f"run: expected the records of a training in {path} ({error}); restore the file.") from None


def _record(line: str) -> dict[str, Any]:
    record = json.loads(line)
    if not isinstance(record, dict) or not isinstance(record.get("phase"), str):
        raise ValueError(f"no phase in {line[:40]!r}")
    numbers = [value for name, value in record.items() if name != "phase"]
    if "step" not in record or not all(isinstance(value, int | float) for value in numbers):
        raise ValueError(f"expected a step and numbers in {line[:40]!r}")
    return record


def is_finished(folder: Path) -> bool:
    """Whether the training of a run folder came to its end: its networks are what it writes last."""
    return (folder / _NETWORKS).is_file()


def prolong(folder: Path, config: TrainConfig, data: DataRecord) -> None:
    """Makes a run, finished or not, one of `config`, which has more steps, that is not finished.

    Its models stay until the prolonged training replaces them.
    """
    (folder / _NETWORKS).unlink(missing_ok=True)  # first: a finished run must have the steps that config.toml says
    sync(folder)
    write_config(folder, config, data)


def drop_later_records(
    folder: Path, position: Position, is_due: Callable[[str, int], bool] = lambda phase, step: True
) -> list[dict[str, Any]]:
    """Leaves the records up to `position` in metrics.jsonl: a training that goes on from there writes the rest.

    Args:
        folder: the run folder.
        position: where the training goes on.
        is_due: whether the training has a record after this step of this phase; one at the end of a training that
            is prolonged has none.
    """
    path, kept = folder / METRICS, []
    if not path.exists():
        return []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            record = _record(line)
        except ValueError:  # torn when the training was killed: the last
            break
        if record["phase"] not in PHASES or not position.is_past(record["phase"], int(record["step"])):
            break
        if is_due(record["phase"], int(record["step"])):
            kept.append(record)
    write_whole(path, "".join(f"{json.dumps(record)}\n" for record in kept))
    return kept


def typed_range(record: SourceRecord) -> TypedRange | None:
    """The pixel range that a data set was read with in training, and the type that it belongs to, if recorded."""
    if record.range is None:
        return None
    return TypedRange(PixelRange(*record.range), np.dtype(record.dtype) if record.dtype else None)


def open_recorded(record: SourceRecord) -> ImageSource:
    """A data set that a run was trained on.

    Raises:
        DataError: it is not there any more.
    """
    if not Path(record.path).exists():
        raise DataError(
            f"data: expected {record.path}, on which the run was trained, received nothing there; "
            "say where it is with --synthetic or --real."
        )
    return open_images(
        record.path,
        key=record.key,
        layout=record.layout,
        pixel_range=typed_range(record),
        on_bad_image=record.on_bad_image,
        **record.folder_options,
    )


def write_config(folder: Path, config: TrainConfig, data: DataRecord) -> None:
    """Writes config.toml."""
    text = f"{config.to_toml()}\n{tomli_w.dumps({'data': data.model_dump(mode='json', exclude_none=True)})}"
    # Paths need not be UTF-8.
    write_whole(folder / CONFIG_FILE, text.encode("utf-8", "surrogateescape"))


def write_left_out(folder: Path, sets: Mapping[str, Sequence[LeftOut]]) -> None:
    """Writes left_out.csv: the images that could not be used, and why. No file if there are none."""
    rows = [(name, image.name, image.reason) for name, images in sets.items() for image in images]
    if rows:
        with (folder / LEFT_OUT).open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            csv.writer(file).writerows([("set", "name", "reason"), *rows])


def write_framing(folder: Path, findings: list[dict[str, str]], picture: bytes) -> None:
    """Writes framing.json and framing.png."""
    (folder / "framing.json").write_text(json.dumps(findings, indent=1) + "\n", encoding="utf-8")
    (folder / "framing.png").write_bytes(picture)


def _save(model: keras.Model, path: Path) -> None:
    try:
        model.save(path)
    except RuntimeError as error:
        if "errno" in str(error):  # how HDF5 says that the disk is full
            raise OSError(f"{path}: {error}") from error
        raise


def save_models(folder: Path, state: TrainState, config: TrainConfig, data: DataRecord) -> None:
    """Writes the three models as .keras and .h5, float32 and channels last, then R and D as numbers, which tells that
    the run is finished. Each file appears whole or not at all.

    The refiner takes images of any size; D, and so the joint model, those of the training's.
    """
    refiner = refiner_model(None, None, data.channels, **dict(config.refiner))
    disc = discriminator_model(data.width, data.height, data.channels, **dict(config.discriminator))
    refiner.set_weights(state.averaged_refiner.get_weights())
    disc.set_weights(state.discriminator.get_weights())
    models = {"refiner_model": refiner, "disc_model": disc, "simgan_model": simgan_model(refiner, disc)}
    # Keras advises against .h5 at every save; users asked for it beside .keras.
    with no_absl_warnings():
        for name, model in models.items():
            for suffix in (".h5", ".keras"):
                partial = folder / f".{name}.partial{suffix}"
                _save(model, partial)
                replace(partial, folder / f"{name}{suffix}")
    save_networks(folder / _NETWORKS, {_REFINER: refiner, _DISCRIMINATOR: disc})
