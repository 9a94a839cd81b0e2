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

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import Any

import keras
import numpy as np

from simgan.errors import DataError, RunError
from simgan.files.numbers import fill_network
from simgan.images import ImageSource, PixelRange, open_images
from simgan.images.ranges import TypedRange
from simgan.models import discriminator_model, refiner_model
from simgan.runs.checkpoints import ARRAYS, find_checkpoint, is_pretrained_only
from simgan.settings.config import DataRecord, SourceRecord, TrainConfig, read_run

METRICS, CHECKPOINTS = "metrics.jsonl", "checkpoints"
NETWORKS = "networks.safetensors"
REFINER, DISCRIMINATOR = "averaged_refiner", "discriminator"  # their names in a checkpoint, too


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
        fill_network(self._networks, REFINER, refiner)
        return refiner

    @cached_property
    def discriminator(self) -> keras.Model:
        """D for images of the training's size, float32, channels last."""
        data = self.data
        disc = discriminator_model(data.width, data.height, data.channels, **dict(self.config.discriminator))
        fill_network(self._networks, DISCRIMINATOR, disc)
        return disc

    @property
    def _networks(self) -> Path:
        return self.path / NETWORKS if self.checkpoint is None else self.checkpoint / ARRAYS

    def metrics(self) -> list[dict[str, Any]]:
        """The records of metrics.jsonl, oldest first.

        Raises:
            RunError: a line is not one that a training wrote.
        """
        path = self.path / METRICS
        try:
            return [read_record(line) for line in path.read_text(encoding="utf-8").splitlines()]
        except (OSError, ValueError) as error:
            raise RunError(f"run: expected the records of a training in {path} ({error}); restore the file.") from None


def read_record(line: str) -> dict[str, Any]:
    """A line of metrics.jsonl.

    Raises:
        ValueError: it is not one that a training wrote.
    """
    record = json.loads(line)
    if not isinstance(record, dict) or not isinstance(record.get("phase"), str):
        raise ValueError(f"no phase in {line[:40]!r}")
    numbers = [value for name, value in record.items() if name != "phase"]
    if "step" not in record or not all(isinstance(value, int | float) for value in numbers):
        raise ValueError(f"expected a step and numbers in {line[:40]!r}")
    return record


def is_finished(folder: Path) -> bool:
    """Whether the training of a run folder came to its end: its networks are what it writes last."""
    return (folder / NETWORKS).is_file()


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
