"""Writes the files of a run folder; runs/run.py reads them."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tomli_w
from numpy.typing import NDArray

from simgan.console.absl_log import no_absl_warnings
from simgan.files.folders import replace, sync, write_whole
from simgan.files.numbers import save_networks
from simgan.framing.quantiles import FramingMap
from simgan.images import LeftOut
from simgan.models import discriminator_model, refiner_model, simgan_model
from simgan.runs.position import PHASES, Position
from simgan.runs.run import DISCRIMINATOR, FRAMING_MAP, METRICS, NETWORKS, PHOTOGRAPHS, REFINER, read_record
from simgan.settings.config import TrainConfig
from simgan.settings.records import CONFIG_FILE, DataRecord
from simgan.training.state import TrainState

LEFT_OUT = "left_out.csv"


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


def write_framing(
    folder: Path, findings: list[dict[str, str]], picture: bytes, framing_map: FramingMap | None
) -> None:
    """Writes framing.json and framing.png, and framing_map.json if there is a map."""
    if framing_map is not None:
        (folder / FRAMING_MAP).write_text(framing_map.to_json() + "\n", encoding="utf-8")
    (folder / "framing.json").write_text(json.dumps(findings, indent=1) + "\n", encoding="utf-8")
    (folder / "framing.png").write_bytes(picture)


def write_photographs(folder: Path, photographs: Sequence[NDArray[np.uint8]]) -> None:
    """Writes photographs.npz: the photographs (h, w, C) to which images are matched. No file if there are none."""
    if photographs:
        named: dict[str, Any] = {f"{number:03d}": one for number, one in enumerate(photographs)}
        np.savez_compressed(folder / PHOTOGRAPHS, **named)


def prolong(folder: Path, config: TrainConfig, data: DataRecord) -> None:
    """Turns a run, finished or not, into an unfinished run with the settings `config`, which have more steps.

    The models stay until the prolonged training replaces them.
    """
    (folder / NETWORKS).unlink(
        missing_ok=True
    )  # first: a run that counts as finished must have made the steps in config.toml
    sync(folder)
    write_config(folder, config, data)


def drop_later_records(
    folder: Path, position: Position, is_due: Callable[[str, int], bool] = lambda phase, step: True
) -> list[dict[str, Any]]:
    """Removes the records after `position` from metrics.jsonl: the resumed training writes them again.

    Args:
        folder: the run folder.
        position: where the training resumes.
        is_due: says whether the training writes a record after a step of a phase. A prolonged training may write none
            where the shorter one ended; the record there is removed too.

    Returns:
        The records that stay, oldest first.
    """
    path, kept = folder / METRICS, []
    if not path.exists():
        return []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            record = read_record(line)
        except ValueError:  # the last line, cut off when the training was killed
            break
        if record["phase"] not in PHASES or not position.is_past(record["phase"], int(record["step"])):
            break
        if is_due(record["phase"], int(record["step"])):
            kept.append(record)
    write_whole(path, "".join(f"{json.dumps(record)}\n" for record in kept))
    return kept


def save_models(folder: Path, state: TrainState, config: TrainConfig, data: DataRecord) -> None:
    """Writes the three models as .keras and .h5, float32 and channels last, and then a file of R's and D's weights.

    The file of weights marks the run as finished. Each file appears complete or not at all. The saved refiner
    takes images of any size; the saved D, and so the joint model, takes images of the size of the training.
    """
    refiner = refiner_model(None, None, data.channels, **dict(config.refiner))
    disc = discriminator_model(data.width, data.height, data.channels, **dict(config.discriminator))
    refiner.set_weights(state.averaged_refiner.get_weights())
    disc.set_weights(state.discriminator.get_weights())
    models = {"refiner_model": refiner, "disc_model": disc, "simgan_model": simgan_model(refiner, disc)}
    # Keras advises against .h5 at every save; users asked for .h5 beside .keras.
    with no_absl_warnings():
        for name, model in models.items():
            for suffix in (".h5", ".keras"):
                partial = folder / f".{name}.partial{suffix}"
                _save(model, partial)
                replace(partial, folder / f"{name}{suffix}")
    save_networks(folder / NETWORKS, {REFINER: refiner, DISCRIMINATOR: disc})


def _save(model: keras.Model, path: Path) -> None:
    try:
        model.save(path)
    except RuntimeError as error:
        if "errno" in str(error):  # the error that HDF5 raises on a full disk
            raise OSError(f"{path}: {error}") from error
        raise
