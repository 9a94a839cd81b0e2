"""Which labels of the synthetic images a training keeps, and with which settings."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from simgan.errors import ConfigError, DataError
from simgan.images import ImageSource
from simgan.settings.config import TrainConfig
from simgan.settings.label_budget import LabelBudget, Unit, parse_label_budget
from simgan.settings.presets import PRESETS
from simgan.tasks.choice import choose_task
from simgan.tasks.detection import Detection
from simgan.tasks.segmentation import Segmentation
from simgan.tasks.task import Angle, Classification, Points, Task, Vector
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
_BY_FLOW = (Segmentation, Detection)  # kept by the drift budget, which the displacement of content steers
_AUTO_BUDGET = "1%"
# For classes, since shapes may change as long as the class can be read: docs/experiments.md, sections 12 and 16.
_FOR_CLASSES: dict[str, Any] = {"psi": "identity", "self_regularisation": 0.5}
_FEWEST = 10  # images of a class, on average: whole numbers with fewer are probably no classes, but names of images


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
    budgets = _classes(source) if is_auto else [parse_label_budget(text) for text in config.keep_label]
    config = config.model_copy(update={"keep_label": tuple(_text(budget) for budget in budgets)})
    if not budgets:
        return KeptLabels((), config, ())
    kept = []
    for budget in budgets:
        labels = source.labels(budget.name)
        task = choose_task(budget.name, labels, size)
        _check(budget, task, source, size)
        kept.append(Kept(task, budget, labels))
    read = tuple(one for one in kept if not isinstance(one.task, _BY_FLOW))
    changes = _changes(config, read, [one.budget for one in kept if isinstance(one.task, _BY_FLOW)])
    notes = _notes(config, kept, changes, is_auto=is_auto)
    return KeptLabels(read, config.model_copy(update=changes), notes)


def _classes(source: ImageSource) -> list[LabelBudget]:
    """The classes of `source`, with the budget of `auto`; none if it has a label of another kind too."""
    found = []
    for name in source.label_names:
        few = source.labels(name, range(min(2, len(source))))
        if few.ndim != 1 or few.dtype.kind not in "iubSUO" or not all(_is_class(one) for one in few):
            return []
        classes = len({_hashable(one) for one in source.labels(name)})
        if 2 <= classes <= len(source) / _FEWEST:
            found.append(parse_label_budget(f"{name}:{_AUTO_BUDGET}"))
    return found


def _is_class(label: Any) -> bool:
    return not hasattr(label, "shape") or label.shape == ()


def _hashable(label: Any) -> Any:
    return label.item() if hasattr(label, "item") else label


def _check(budget: LabelBudget, task: Task, source: ImageSource, size: tuple[int, int]) -> None:
    """Raises ConfigError or DataError if `budget` does not fit the label."""
    unit = _UNITS[type(task)]
    if budget.unit != unit:
        raise ConfigError(
            f"keep_label: expected the budget of {budget.name!r} ({task.name}) in {_WORDS[unit]}, received "
            f"{_text(budget)}; change the unit."
        )
    if unit == "px" and any(source.size(index) != size for index in (0, len(source) - 1)):
        raise DataError(
            f"keep_label: expected images of the size of training ({size[0]}x{size[1]}) for {budget.name!r}, which is "
            f"in pixels, received others in {source.path}; leave out --size, or resize images and labels."
        )


def _changes(config: TrainConfig, read: Sequence[Kept], by_flow: Sequence[LabelBudget]) -> dict[str, Any]:
    """The settings that keeping these labels changes; settings that are not the default stay."""
    default, changes = PRESETS["default"].config, dict[str, Any]()
    if by_flow:
        changes["drift_budget"] = min(budget.amount for budget in by_flow)
    elif config.drift_budget == default.drift_budget:
        changes["drift_budget"] = None
    are_default = (config.psi, config.self_regularisation) == (default.psi, default.self_regularisation)
    if are_default and not by_flow and all(isinstance(one.task, Classification) for one in read):
        changes |= _FOR_CLASSES
    if config.flip and not all(isinstance(one.task, Angle) for one in read):
        changes["flip"] = False
    return {name: value for name, value in changes.items() if getattr(config, name) != value}


def _notes(config: TrainConfig, kept: Sequence[Kept], changes: dict[str, Any], *, is_auto: bool) -> tuple[str, ...]:
    """What was chosen and what changes with it, with the way out."""
    names = " ".join(_text(one.budget) for one in kept)
    changed = ", ".join(
        f"{name} {_word(value)} in place of {_word(getattr(config, name))}" for name, value in changes.items()
    )
    notes = []
    if is_auto:
        notes.append(
            f"all labels are classes: shapes may change as long as a network still reads the class (--keep-label "
            f"{names}). '--keep-label none' limits how far content moves instead."
        )
    if changed:
        notes.append(f"settings changed by --keep-label {names}: {changed}.")
    return tuple(notes)


def _word(value: Any) -> str:
    return {"None": "none", "False": "off", "True": "on"}.get(str(value), str(value))


def _text(budget: LabelBudget) -> str:
    return f"{budget.name}:{budget.amount:g}{budget.unit}"
