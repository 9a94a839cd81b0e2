"""The run folder: what a training leaves behind, and how it is opened again.

config.toml           every setting, and where the data were; `simgan train --config` repeats the run
metrics.jsonl         one JSON object a log interval
events.out.tfevents*  the same for TensorBoard
samples/step_*.png    synthetic | refined | real | difference
*_model.keras, .h5    refiner, disc and simgan: float32, channels last
"""

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import keras
import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simgan.config import TrainConfig, in_one_line, make_config, read_settings
from simgan.errors import ConfigError, RunError
from simgan.images import ImageSource
from simgan.models import discriminator_model, refiner_model, simgan_model
from simgan.quiet import no_absl_warnings
from simgan.steps import TrainState

_CONFIG, _METRICS, _REFINER = "config.toml", "metrics.jsonl", "refiner_model.keras"


class SourceRecord(BaseModel):
    """Where a data set was, and how it was read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    key: str | None = None
    range: tuple[float, float] | None = None

    @classmethod
    def of(cls, source: ImageSource) -> "SourceRecord":
        """The record of an open data set."""
        return cls(
            path=str(source.path.resolve()), key=source.key, range=(source.pixel_range.low, source.pixel_range.high)
        )


class DataRecord(BaseModel):
    """What a run was trained on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    synthetic: SourceRecord
    real: SourceRecord
    height: Annotated[int, Field(ge=1)]
    width: Annotated[int, Field(ge=1)]
    channels: Annotated[int, Field(ge=1)]


@dataclass(frozen=True)
class Run:
    """A finished training."""

    path: Path
    config: TrainConfig
    data: DataRecord

    @classmethod
    def open(cls, path: str | Path) -> "Run":
        """Opens a run folder.

        Raises:
            RunError: the folder is missing, or its training did not finish.
        """
        folder = Path(path)
        for name in (_CONFIG, _REFINER):
            if not (folder / name).is_file():
                raise RunError(
                    f"run: expected a folder with {name}, received {folder}; give the --out folder of a finished "
                    "'simgan train'."
                )
        try:
            settings = read_settings(folder / _CONFIG)
            data = DataRecord.model_validate(settings.pop("data", {}))
            return cls(folder, make_config(settings), data)
        except (ConfigError, ValidationError) as error:
            reason = in_one_line(error) if isinstance(error, ValidationError) else error
            raise RunError(f"run: expected the settings of a training in {folder / _CONFIG}: {reason}") from None

    @cached_property
    def refiner(self) -> keras.Model:
        """R for images of any size, float32, channels last. Built from the config: a file gives only numbers."""
        refiner = refiner_model(None, None, self.data.channels, **dict(self.config.refiner))
        try:
            refiner.load_weights(self.path / _REFINER)
        except (OSError, ValueError, KeyError) as error:
            reason = str(error).partition("\n")[0]
            raise RunError(f"run: expected the weights of R in {self.path / _REFINER} ({reason}).") from None
        return refiner

    def metrics(self) -> list[dict[str, Any]]:
        """The records of metrics.jsonl, oldest first."""
        with (self.path / _METRICS).open(encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]


def write_config(folder: Path, config: TrainConfig, data: DataRecord) -> None:
    """Writes config.toml."""
    text = f"{config.to_toml()}\n{tomli_w.dumps({'data': data.model_dump(mode='json', exclude_none=True)})}"
    (folder / _CONFIG).write_text(text, encoding="utf-8")


def save_models(folder: Path, state: TrainState, config: TrainConfig, data: DataRecord) -> None:
    """Writes the three models as .keras and .h5, float32 and channels last; each appears whole or not at all.

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
                model.save(partial)
                os.replace(partial, folder / f"{name}{suffix}")
