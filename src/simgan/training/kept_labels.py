"""Which labels of the synthetic images a training keeps, and with which settings."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simgan.errors import ConfigError, DataError
from simgan.images import ImageSource
from simgan.images.groups import sampled_sizes
from simgan.images.sampling import evenly_spaced
from simgan.matching.true_labels import kinds_of_labels
from simgan.settings.config import TrainConfig, make_config
from simgan.settings.label_budget import LabelBudget, Unit, parse_label_budget
from simgan.settings.presets import PRESETS
from simgan.tasks.choice import choose_task
from simgan.tasks.detection import Detection
from simgan.tasks.segmentation import Segmentation
from simgan.tasks.task import Angle, Classification, Points, Task, Vector, images_without_numbers
from simgan.training.label_keeper import Kept

_UNITS: dict[type[Any], Unit] = {
    Classification: "%",
    Angle: "deg",
    Points: "px",
    Segmentation: "px",
    Detection: "px",
    Vector: "",
}
_WORDS: dict[Unit, str] = {
    "%": "per cent, as 1%",
    "deg": "degrees, as 1deg",
    "px": "pixels, as 0.25px",
    "": "its unit",
}
_MOST: dict[Unit, float] = {"%": 100.0, "deg": 180.0}
_BY_FLOW = (Segmentation, Detection)  # kept by the drift budget, which the displacement of content steers
_AUTO_BUDGET = "5%"  # as the network reads it, which knows no refined image: docs/experiments.md, 17
# For classes, since shapes may change as long as the class can be read: docs/experiments.md, sections 12 and 16.
_FOR_CLASSES: dict[str, Any] = {"self_regularisation": 1.0}
_READ = 64  # images of which a label is read to see what it holds


CHANGED_BY_LABELS = ("drift_budget", "self_regularisation", "flip")
"""Settings that labels which are kept may change where they are those of the preset `default`."""


class KeptLabels(NamedTuple):
    """The labels that a network reads during training, and the settings of a training that keeps them."""

    labels: tuple[Kept, ...]
    config: TrainConfig
    notes: tuple[str, ...]
    """What was chosen, with the way out."""


def kept_labels(config: TrainConfig, source: ImageSource, size: tuple[int, int]) -> KeptLabels:
    """Reads the labels that `config.keep_label` names, and chooses them if it is `auto`.

    What keeps a label takes the place of the default drift budget. If all labels kept are classes, the default
    self-regularisation becomes weaker too. Images are mirrored only if all labels kept are directions.

    Args:
        config: the settings.
        source: the synthetic images.
        size: (H, W) of the images in training.

    Raises:
        ConfigError: a budget has another unit than its label.
        DataError: there is no such label, or it cannot be learnt.
    """
    is_auto = config.keep_label == ("auto",)
    if is_auto:
        labels = kinds_of_labels(source)
        names = [] if labels.others else labels.classes
        config = make_config({"keep_label": [f"{name}:{_AUTO_BUDGET}" for name in names]}, config)
    budgets = [parse_label_budget(text) for text in config.keep_label]
    if not budgets:
        return KeptLabels((), config, ())
    read: list[Kept] = []
    by_flow: list[LabelBudget] = []
    for budget in budgets:
        some = evenly_spaced(len(source), _READ)
        task = choose_task(budget.name, source.labels(budget.name, some), size)
        _check(budget, task, source, size)
        if isinstance(task, _BY_FLOW):  # not read as a whole: masks of a large set do not fit into memory
            by_flow.append(budget)
        else:
            values = source.labels(budget.name)
            _check_values(budget, values, source)
            read.append(Kept(choose_task(budget.name, values, size, task.name), budget, values))
    changes = _changes(config, read, by_flow)
    return KeptLabels(tuple(read), make_config(changes, config), _notes(config, budgets, changes, is_auto=is_auto))


def _check(budget: LabelBudget, task: Task, source: ImageSource, size: tuple[int, int]) -> None:
    """Raises ConfigError or DataError if `budget` does not fit the label."""
    unit = _UNITS[type(task)]
    if budget.unit == unit and budget.amount >= _MOST.get(unit, math.inf):
        raise ConfigError(
            f"keep_label: expected a budget below {_MOST[unit]:g}{unit} for {budget.name!r}, received {budget}; a "
            "label that may be lost altogether need not be kept."
        )
    if budget.unit != unit:
        raise ConfigError(
            f"keep_label: expected the budget of {budget.name!r} ({task.name}) in {_WORDS[unit]}, received "
            f"{budget}; change the unit."
        )
    if unit == "px" and any(one != size for one in sampled_sizes(source)):
        raise DataError(
            f"keep_label: expected images of the size of training ({size[0]}x{size[1]}) for {budget.name!r}, which is "
            f"in pixels, received others in {source.path}; leave out --size, or resize images and labels."
        )


def _check_values(budget: LabelBudget, labels: NDArray[Any], source: ImageSource) -> None:
    """Raises DataError if no network can learn the label."""
    if missing := images_without_numbers(labels):
        raise DataError(
            f"keep_label: expected numbers for every image, received {budget.name!r} of {source.path} with missing or "
            f"infinite numbers in {missing} of {len(labels)} images; leave these images out, or do not keep the label."
        )
    if budget.unit == "%" and len({one.item() if isinstance(one, np.generic) else one for one in labels}) < 2:
        raise DataError(
            f"keep_label: expected two classes or more, received one in {budget.name!r} of {source.path}; leave the "
            "label out of --keep-label."
        )


def _changes(config: TrainConfig, read: Sequence[Kept], by_flow: Sequence[LabelBudget]) -> dict[str, Any]:
    """The settings that keeping these labels changes; settings that are not the default stay."""
    changes = dict[str, Any]()
    if by_flow:
        amounts = [budget.amount for budget in by_flow]
        if config.drift_budget is not None and not is_default(config, "drift_budget"):
            amounts.append(config.drift_budget)
        changes["drift_budget"] = min(amounts)
    elif is_default(config, "drift_budget"):
        changes["drift_budget"] = None
    if (
        is_default(config, "psi")
        and is_default(config, "self_regularisation")
        and not by_flow
        and all(isinstance(one.task, Classification) for one in read)
    ):
        changes |= _FOR_CLASSES
    if config.flip and not all(isinstance(one.task, Angle) for one in read):
        changes["flip"] = False
    return {name: value for name, value in changes.items() if getattr(config, name) != value}


def is_default(config: TrainConfig, name: str) -> bool:
    """Whether a setting is that of the preset `default`."""
    return bool(getattr(config, name) == getattr(PRESETS["default"].config, name))


def _notes(
    config: TrainConfig, budgets: Sequence[LabelBudget], changes: dict[str, Any], *, is_auto: bool
) -> tuple[str, ...]:
    """What was chosen and what changes with it, with the way out."""
    names = " ".join(map(str, budgets))
    changed = ", ".join(
        f"{name} {_word(value)} in place of {_word(getattr(config, name))}" for name, value in changes.items()
    )
    notes = []
    if is_auto:
        notes.append(
            f"all labels are classes ({', '.join(budget.name for budget in budgets)}): shapes may change as long as a "
            f"network still reads the class (--keep-label {names}). '--keep-label none' limits how far content moves "
            "instead."
        )
    if changed:
        notes.append(f"settings changed by --keep-label {names}: {changed}.")
    return tuple(notes)


def _word(value: Any) -> str:
    return {"None": "none", "False": "off", "True": "on"}.get(str(value), str(value))
