"""Checkpoints: all of a `TrainState`, so that a training goes on, bit for bit, as if it had never stopped.

RUN/checkpoints/3-adversarial-0000400/
    arrays.safetensors  networks, optimisers, history
    state.json          position, random states, weight, losses since the last record; versions and settings

Numbers alone: nothing in a checkpoint is run or unpickled, and shapes are checked before they are read. A checkpoint
gets its name once all of it is on the disk, so one that has a name is whole.
"""

import json
import logging
import re
import shutil
import time
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from simgan.errors import ConfigError, RunError
from simgan.files.folders import whole_folder
from simgan.files.numbers import Parts, check_shapes, dump, flatten, load, save_numbers, unflatten
from simgan.runs.position import ADVERSARIAL, PHASES, Position
from simgan.settings.config import CONFIG_FILE, TrainConfig, differences, make_config, prolongs
from simgan.training.health import check_arrays, check_losses
from simgan.training.steps import TrainState
from simgan.training.stopping import StopRequest
from simgan.version import __version__

ARRAYS, _STATE = "arrays.safetensors", "state.json"
_VERSION = 1  # of the layout
_NAME = re.compile(rf"[1-3]-({'|'.join(PHASES)})-\d{{7,}}")
_SHARE = 50  # what checkpoints that are due by time may cost at most: one part in so many
_PACKAGES = ("keras", "torch", "numpy")  # whose versions a checkpoint notes
PRETRAINED_ONLY = "R was pre-trained only, to give back what it gets, and changes images little"
_log = logging.getLogger("simgan")


class Checkpoints:
    """The checkpoints of a run: written when they are due, and before a stop that was asked for.

    An observer of the training loop. The newest `config.keep` stay, and the best: that of the adversarial phase in
    which D was nearest to chance on both classes, within the drift budget.

    Args:
        folder: RUN/checkpoints.
        config: says when one is due, and how many are kept.
        state: of the training.
        stop: whether to stop.
    """

    def __init__(self, folder: Path, config: TrainConfig, state: TrainState, stop: StopRequest) -> None:
        self._folder, self._config, self._state, self._stop = folder, config, state, stop
        self._begin_interval(cost=0.0)

    def restore(self) -> Position | None:
        """Puts the state where the newest readable checkpoint was made; None if there is none at all.

        Raises:
            RunError: there are checkpoints, and none can be read.
            ConfigError: the newest that can be read was made with other settings.
        """
        found, damaged = sorted(_all(self._folder), reverse=True), []
        for path in found:
            try:
                read_checkpoint(path, self._state, self._config)
            except RunError as error:
                _log.warning("%s", error)
                damaged.append(path)
                continue
            for of_no_use in damaged:  # out of the way of those that will be written anew
                of_no_use.rename(of_no_use.with_name(f".{of_no_use.name}.damaged"))
            if other := _other_versions(path):
                _log.warning("%s was written by %s: what follows may differ in rounding", path, other)
            return self._state.position
        if found:
            raise RunError(
                f"run: expected a checkpoint that can be read in {self._folder}, received {len(found)} that cannot; "
                "restore the folder, or remove it to begin anew."
            )
        return None

    def any(self) -> bool:
        """Whether there is one."""
        return bool(_all(self._folder))

    def step(self) -> None:
        """See `simgan.training.loop.Observer.step`."""
        self._steps += 1
        if self._stop or self._due():
            self.write()
        if self._stop:
            self._stop.obey()

    def write(self) -> None:
        """Writes a checkpoint now, then removes those that need not be kept.

        Raises:
            RunError: the state is not finite: then the last good checkpoint stays the newest.
            OSError: the disk is full or cannot be written.
        """
        started = time.monotonic()
        write_checkpoint(self._folder, self._state, self._config)
        keep = sorted(_all(self._folder), reverse=True)[: self._config.keep]
        if best := best_checkpoint(self._folder):
            keep.append(best)
        for path in set(_all(self._folder)) - set(keep):
            hidden = path.with_name(f".{path.name}.removed")  # half removed, it must not look whole
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
    path = folder / f"{PHASES.index(position.phase) + 1}-{position.phase}-{position.step:07d}"
    if path.exists():  # a stop right after going on from it
        return path
    numbers = finite_numbers(state)
    arrays = {name: np.asarray(value, order="C") for name, value in numbers.items() if isinstance(value, np.ndarray)}
    about = {
        "version": _VERSION,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": _versions(),
        "config": config.model_dump(mode="json"),
        "score": _score(state, config),
        "state": {name: value for name, value in numbers.items() if name not in arrays},
    }
    with whole_folder(path) as partial:
        save_numbers(partial / ARRAYS, arrays)
        (partial / _STATE).write_text(json.dumps(about, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return path


def finite_numbers(state: TrainState) -> Parts:
    """All of a state by name, as a checkpoint holds it.

    Raises:
        NotFiniteError: a loss or an array is not finite; it is named.
    """
    check_losses(state.meters.values(), state.position)
    numbers = flatten(state_dict(state))
    arrays = {name: value for name, value in numbers.items() if isinstance(value, np.ndarray)}
    check_arrays({_in_words(state, name): array for name, array in arrays.items()}, state.position)
    return numbers


def _in_words(state: TrainState, name: str) -> str:
    """'refiner/001' as 'refiner conv_in/bias', by the layer's variable."""
    part, _, index = name.partition("/")
    variables = getattr(getattr(state, part), "variables", None)
    return f"{part.replace('_', ' ')} {variables[int(index)].path}" if variables else name


def read_checkpoint(path: Path, state: TrainState, config: TrainConfig) -> None:
    """Puts `state`, which was made for `config`, where the checkpoint was written.

    Raises:
        RunError: it cannot be read, or is of another training.
        ConfigError: it was made with other settings; fewer steps are none.
    """
    try:
        about = _about(path)
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
        raise RunError(f"checkpoint: expected one of this training in {path}, received another ({reason}).") from None


def find_checkpoint(folder: Path, name: str) -> Path:
    """The checkpoint that is named so, or the `newest`, or the `best`.

    Raises:
        RunError: there is none.
    """
    known = sorted(_all(folder))
    chosen = best_checkpoint(folder) if name == "best" else known[-1] if known and name == "newest" else None
    chosen = chosen or next((path for path in known if path.name == name), None)
    if chosen is None:
        names = ", ".join(path.name for path in known) or "none there"
        raise RunError(f"checkpoint: expected newest, best or a name in {folder}, received {name!r}; known: {names}.")
    return chosen


def is_pretrained_only(path: Path) -> bool:
    """Whether a checkpoint is from before the first adversarial step."""
    _, phase, step = path.name.split("-")
    return phase != ADVERSARIAL or int(step) == 0


def _settings(about: Parts) -> TrainConfig:
    try:
        return make_config(about["config"])
    except ConfigError as error:  # damaged, not other settings
        raise ValueError(str(error)) from None


def _versions() -> dict[str, str]:
    return {"simgan": __version__} | {package: version(package) for package in _PACKAGES}


def _other_versions(path: Path) -> str:
    """Those that wrote a checkpoint, where they are not those in use: 'torch 2.9.0 (now 2.13.0)'."""
    saved, now = _about(path).get("versions"), _versions()
    saved = saved if isinstance(saved, dict) else {}
    return ", ".join(
        f"{name} {saved.get(name, '?')} (now {now[name]})" for name in now if saved.get(name) != now[name]
    )


def best_checkpoint(folder: Path) -> Path | None:
    """The one with the least score; None while there is none of the adversarial phase."""
    known = {}
    for path in _all(folder):
        with suppress(OSError, ValueError):  # one that cannot be read is not the best
            score = _about(path).get("score")
            if isinstance(score, float):
                known[path] = score
    return min(known, key=lambda path: (known[path], path), default=None)


def state_dict(state: TrainState) -> Parts:
    """All of a state by field: dictionaries of arrays and of what JSON holds."""
    return {field.name: dump(getattr(state, field.name)) for field in fields(state)}


def _all(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*") if _NAME.fullmatch(path.name)]


def _about(path: Path) -> Parts:
    about = json.loads((path / _STATE).read_text(encoding="utf-8"))
    if not isinstance(about, dict) or about.get("version") != _VERSION or not isinstance(about.get("state"), dict):
        raise ValueError(f"{_STATE} is not of version {_VERSION}")
    return about


def _score(state: TrainState, config: TrainConfig) -> float | None:
    """How far from chance D was in the last record, and by how much the drift budget was overdrawn.

    From chance: the mean over both classes of the distance from one half, so that a D which calls every patch real is
    as far from it as a D that is always right. None before the first record of the adversarial phase: those of D's
    pre-training say nothing of R.
    """
    record = state.meters.last
    accuracies = [record.get(f"discriminator_{kind}_accuracy") for kind in ("real", "refined")]
    is_adversarial = "refiner_adversarial" in record  # a record of a pre-training tells of one network
    if state.position.phase != ADVERSARIAL or not is_adversarial or None in accuracies:
        return None
    overdrawn = 0.0
    if config.drift_budget is not None:
        drift = state.weight.gauges()["measured_drift"]
        overdrawn = max(0.0, drift / config.drift_budget - 1.1)  # drift is measured with noise
    return float(np.mean([abs(accuracy - 0.5) for accuracy in accuracies if accuracy is not None]) + overdrawn)
