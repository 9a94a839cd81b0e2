"""Checkpoints hold all of a `TrainState`, so that a training continues, bit for bit, as if it had never stopped.

A checkpoint holds numbers alone: reading one runs and unpickles nothing, and checks shapes before it reads arrays. A
checkpoint gets its name once all of it is on the disk, so every checkpoint that has its name is complete.
runs/checkpoints.py finds the checkpoints of a run.
"""

import json
import logging
import shutil
import time
from dataclasses import fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from simgan.errors import ConfigError, RunError
from simgan.files.folders import whole_folder
from simgan.files.numbers import Parts, check_shapes, dump, flatten, load, save_numbers, unflatten
from simgan.runs.checkpoints import (
    ARRAYS,
    STATE,
    VERSION,
    all_checkpoints,
    best_checkpoint,
    checkpoint_name,
    read_about,
)
from simgan.runs.position import ADVERSARIAL, Position
from simgan.settings.config import TrainConfig, differences, make_config, prolongs
from simgan.settings.records import CONFIG_FILE
from simgan.training.health import check_arrays, check_losses
from simgan.training.state import TrainState
from simgan.training.stopping import StopRequest
from simgan.version import __version__

_SHARE = 50  # checkpoints that are due by time take at most 1/50 of the time
_PACKAGES = ("keras", "torch", "numpy")  # a checkpoint records their versions
_log = logging.getLogger("simgan")


class Checkpoints:
    """Writes the checkpoints of a run: when one is due, and before a stop that was requested.

    It is an observer of the training loop. It keeps the newest `config.keep` checkpoints and the best one: the
    checkpoint of the adversarial phase at which D was nearest to chance on both classes, within the drift budget.

    Args:
        folder: RUN/checkpoints.
        config: says when a checkpoint is due, and how many are kept.
        state: the state of the training.
        stop: says whether a stop was requested.
    """

    def __init__(self, folder: Path, config: TrainConfig, state: TrainState, stop: StopRequest) -> None:
        self._folder, self._config, self._state, self._stop = folder, config, state, stop
        self._begin_interval(cost=0.0)

    def restore(self) -> Position | None:
        """Restores the state from the newest readable checkpoint.

        Returns:
            The position of that checkpoint; None if there is no checkpoint at all.

        Raises:
            RunError: there are checkpoints, but none can be read.
            ConfigError: the newest readable checkpoint was made with other settings.
        """
        found, damaged = sorted(all_checkpoints(self._folder), reverse=True), []
        for path in found:
            try:
                read_checkpoint(path, self._state, self._config)
            except RunError as error:
                _log.warning("%s", error)
                damaged.append(path)
                continue
            for unreadable in damaged:  # frees their names for the checkpoints that training will write again
                unreadable.rename(unreadable.with_name(f".{unreadable.name}.damaged"))
            if other := _other_versions(path):
                _log.warning("%s was written by %s: the numbers from here on may differ in rounding", path, other)
            return self._state.position
        if found:
            raise RunError(
                f"run: expected a checkpoint that can be read in {self._folder}, received {len(found)} that cannot; "
                "restore the folder, or remove it to begin anew."
            )
        return None

    def any(self) -> bool:
        """Whether the run has a checkpoint."""
        return bool(all_checkpoints(self._folder))

    def step(self) -> None:
        """See `simgan.training.loop.Observer.step`."""
        self._steps += 1
        if self._stop or self._due():
            self.write()
        if self._stop:
            self._stop.obey()

    def write(self) -> None:
        """Writes a checkpoint now, then removes the checkpoints that need not be kept.

        Raises:
            RunError: the state is not finite. The last good checkpoint stays the newest.
            OSError: the disk is full or cannot be written.
        """
        started = time.monotonic()
        write_checkpoint(self._folder, self._state, self._config)
        keep = sorted(all_checkpoints(self._folder), reverse=True)[: self._config.keep]
        if best := best_checkpoint(self._folder):
            keep.append(best)
        for path in set(all_checkpoints(self._folder)) - set(keep):
            # If the removal is interrupted, what is left must not look like a complete checkpoint.
            hidden = path.with_name(f".{path.name}.removed")
            path.rename(hidden)
            shutil.rmtree(hidden, ignore_errors=True)
        self._begin_interval(cost=time.monotonic() - started)

    def _due(self) -> bool:
        interval, by_time = self._config.checkpoint_interval
        if not by_time:
            return self._steps >= interval
        return time.monotonic() - self._since >= max(interval, _SHARE * self._cost)

    def _begin_interval(self, cost: float) -> None:
        self._since, self._steps, self._cost = time.monotonic(), 0, cost


def write_checkpoint(folder: Path, state: TrainState, config: TrainConfig) -> Path:
    """Writes all of `state` into a new folder within `folder`, named after the position.

    Raises:
        RunError: the state is not finite.
        OSError: the disk is full or cannot be written.
    """
    position = state.position
    path = folder / checkpoint_name(position)
    if path.exists():  # a stop right after the training was resumed from it
        return path
    numbers = finite_numbers(state)
    arrays = {name: np.asarray(value, order="C") for name, value in numbers.items() if isinstance(value, np.ndarray)}
    about = {
        "version": VERSION,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": _versions(),
        "config": config.model_dump(mode="json"),
        "score": _score(state),
        "state": {name: value for name, value in numbers.items() if name not in arrays},
    }
    with whole_folder(path) as partial:
        save_numbers(partial / ARRAYS, arrays)
        (partial / STATE).write_text(json.dumps(about, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return path


def finite_numbers(state: TrainState) -> Parts:
    """All numbers and arrays of a state by name, as a checkpoint stores them.

    Raises:
        NotFiniteError: a loss or an array is not finite; the message names it.
    """
    check_losses(state.meters.values(), state.position)
    numbers = flatten(state_dict(state))
    arrays = {name: value for name, value in numbers.items() if isinstance(value, np.ndarray)}
    check_arrays({_readable_name(state, name): array for name, array in arrays.items()}, state.position)
    return numbers


def _readable_name(state: TrainState, name: str) -> str:
    """Names the variable in place of its number: 'refiner/001' -> 'refiner conv_in/bias'."""
    part, _, index = name.partition("/")
    variables = getattr(getattr(state, part), "variables", None)
    return f"{part.replace('_', ' ')} {variables[int(index)].path}" if variables else name


def read_checkpoint(path: Path, state: TrainState, config: TrainConfig) -> None:
    """Restores `state`, which was made for `config`, from the checkpoint at `path`.

    Raises:
        RunError: the checkpoint cannot be read, or belongs to another training.
        ConfigError: the checkpoint was made with other settings. One made with fewer steps is accepted.
    """
    try:
        about = read_about(path)
        made_with = _settings(about)
        changed = differences(made_with, config)
        if changed and not prolongs(made_with, config):
            raise ConfigError(
                f"resume: expected the settings that {path} was made with, received others ({'; '.join(changed)}); "
                f"restore {path.parent.parent / CONFIG_FILE}, or train anew with another --out."
            )
        with safe_open(path / ARRAYS, framework="np") as file:  # type: ignore[no-untyped-call]
            expected = {
                name: value for name, value in flatten(state_dict(state)).items() if isinstance(value, np.ndarray)
            }
            check_shapes({name: file.get_slice(name) for name in file.keys()}, expected)  # noqa: SIM118
            arrays = {name: file.get_tensor(name) for name in expected}
        parts = unflatten(about["state"] | arrays)
        for field in fields(state):
            load(getattr(state, field.name), parts.get(field.name, {}))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise RunError(
            f"checkpoint: expected a checkpoint of this training in {path}, received other content ({reason})."
        ) from None


def _settings(about: Parts) -> TrainConfig:
    try:
        return make_config(about["config"])
    except ConfigError as error:  # the recorded settings are damaged
        raise ValueError(str(error)) from None


def _versions() -> dict[str, str]:
    return {"simgan": __version__} | {package: version(package) for package in _PACKAGES}


def _other_versions(path: Path) -> str:
    """The versions that wrote a checkpoint and differ from those in use: 'torch 2.9.0 (now 2.13.0)'."""
    saved, now = read_about(path).get("versions"), _versions()
    saved = saved if isinstance(saved, dict) else {}
    return ", ".join(
        f"{name} {saved.get(name, '?')} (now {now[name]})" for name in now if saved.get(name) != now[name]
    )


def state_dict(state: TrainState) -> Parts:
    """All of a state by field: nested dictionaries of arrays and of values that JSON can hold."""
    return {field.name: dump(getattr(state, field.name)) for field in fields(state)}


def _score(state: TrainState) -> float | None:
    """The score of a checkpoint, lower is better: D's distance from chance, plus the excess over the drift budget
    and over the budgets of labels.

    The distance from chance is the mean over both classes of |accuracy - 1/2| in the last record, so that a D which
    calls every patch real is as far from chance as a D that is always right. None before the first record of the
    adversarial phase: the records of D's pre-training say nothing about R.
    """
    record = state.meters.last
    accuracies = [record.get(f"discriminator_{kind}_accuracy") for kind in ("real", "refined")]
    is_adversarial = "refiner_adversarial" in record  # records of a pre-training have the losses of one network
    if state.position.phase != ADVERSARIAL or not is_adversarial or None in accuracies:
        return None
    distance = np.mean([abs(accuracy - 0.5) for accuracy in accuracies if accuracy is not None])
    return float(distance + state.weight.excess() + state.labels.excess())
