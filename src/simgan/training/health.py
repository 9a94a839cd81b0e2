"""Checks the health of a training. Numbers that are not finite end it; an alarm names a lasting fault and its remedy.

Alarms follow from the records of metrics.jsonl alone, so the log and the report show the same alarms.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.errors import NotFiniteError
from simgan.runs.position import ADVERSARIAL, Position
from simgan.settings.label_budget import parse_label_budget

# Ours. tests/training/test_health.py provokes each alarm; a run of the demo raises none.
ALARM_RECORDS = 5  # an alarm is raised when this many records in a row show the fault
_UNCHANGED = 0.005  # mean |x~ - x| in the [-1, 1] range: below it, R is practically the identity
_PERFECT = 0.99  # share of patches: above it, D makes practically no errors
_CHANCE = 0.02  # distance of an accuracy from one half: below it, D guesses
_CONSTANT = 1e-3  # standard deviation of logits: below it, D is constant
_INTENSITY = 0.1  # allowed excess of |mean refined - mean real| over |mean synthetic - mean real|
_VANISHED = 1e-7  # norm of a gradient: below it, the gradient has vanished
_LABEL_OVER_BUDGET = 3.0  # the same for labels, whose budgets are small against the noise of 128 images
_OVER_BUDGET = 1.3  # ratio of the measured drift, averaged over the records, to the budget

# The remedy is not --resume: a resumed training would reach the same numbers again.
_WAY_OUT = "train anew with another --out and lower learning rates."

Record = Mapping[str, Any]


def check_losses(losses: Mapping[str, NDArray[np.float32]], position: Position) -> None:
    """Checks the losses of the last steps; the newest are the losses of the step at `position`.

    Raises:
        NotFiniteError: a loss is not finite; the message names the first such step.
    """
    bad = [
        (int(np.flatnonzero(~np.isfinite(series))[0]) - len(series), name)
        for name, series in losses.items()
        if not np.isfinite(series).all()
    ]
    if bad:
        index, name = min(bad)  # from the end: -1 is the newest step
        step = position.step + 1 + index
        raise NotFiniteError(
            f"{position.phase.replace('_', ' ')} step {step}: expected a finite {name}, received "
            f"{losses[name][index]}; {_WAY_OUT}"
        )


def check_arrays(arrays: Mapping[str, NDArray[Any]], position: Position) -> None:
    """Checks the arrays of a checkpoint or of the result.

    Raises:
        NotFiniteError: an array is not finite; the message names it.
    """
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise NotFiniteError(f"{position}: expected finite numbers in {name}, received others; {_WAY_OUT}")


def alarms(
    records: Sequence[Record], drift_budget: float | None = None, keep_label: Sequence[str] = ()
) -> dict[str, str]:
    """The alarms that the last records of the adversarial phase raise: a sentence for each, by the alarm's name.

    Args:
        records: the records of metrics.jsonl, oldest first.
        drift_budget: `TrainConfig.drift_budget`.
        keep_label: `TrainConfig.keep_label`.
    """
    late = [record for record in records if record.get("phase") == ADVERSARIAL][-ALARM_RECORDS:]
    if len(late) < ALARM_RECORDS:
        return {}

    def in_all_records(name: str, wrong: Callable[[float], bool]) -> bool:
        return all(name in record and wrong(float(record[name])) for record in late)

    def mean(name: str) -> float:
        return float(np.mean([float(record.get(name, 0.0)) for record in late]))

    accuracies = ("discriminator_real_accuracy", "discriminator_refined_accuracy")
    gap, brightening = mean("discriminator_intensity_gap"), mean("refiner_brightening")
    fills = [float(record.get("history_fill", 1.0)) for record in late]
    raised = {
        "identity": in_all_records("refiner_change", lambda change: change < _UNCHANGED),
        "perfect": all(in_all_records(name, lambda share: share > _PERFECT) for name in accuracies),
        "chance": all(in_all_records(name, lambda share: abs(share - 0.5) < _CHANCE) for name in accuracies),
        "constant": in_all_records("discriminator_logit_spread", lambda spread: spread < _CONSTANT),
        "intensity": abs(gap) > abs(gap - brightening) + _INTENSITY,
        "history": fills[-1] < 1.0 and fills[-1] <= fills[0],
        "vanished R": in_all_records("refiner_gradient", lambda norm: norm < _VANISHED),
        "vanished D": in_all_records("discriminator_gradient", lambda norm: norm < _VANISHED),
        "budget": drift_budget is not None and mean("measured_drift") > _OVER_BUDGET * drift_budget,
        "label": any(
            mean(f"label_{budget.name}_lost") > _LABEL_OVER_BUDGET * budget.allowed
            for budget in map(parse_label_budget, keep_label)
        ),
    }
    return {name: _SENTENCES[name] for name, is_raised in raised.items() if is_raised}


def raised_alarms(
    records: Sequence[Record], drift_budget: float | None = None, keep_label: Sequence[str] = ()
) -> Iterator[str]:
    """Every alarm of a training, with the steps of its first and last record."""
    seen: dict[str, tuple[int, int]] = {}
    adversarial = [record for record in records if record.get("phase") == ADVERSARIAL]
    for end in range(ALARM_RECORDS, len(adversarial) + 1):
        window = adversarial[end - ALARM_RECORDS : end]
        for name in alarms(window, drift_budget, keep_label):
            seen[name] = (seen.get(name, (int(window[0].get("step", 0)), 0))[0], int(window[-1].get("step", 0)))
    return (f"Steps {first} to {last}: {_SENTENCES[name]}" for name, (first, last) in seen.items())


_SENTENCES = {
    "identity": "R changes next to nothing; lower the weight of self-regularisation or raise R's learning rate.",
    "perfect": "D is right on nearly every patch: R has lost; lower D's learning rate or the weight of "
    "self-regularisation, and look at 'simgan check SYNTHETIC --against REAL'.",
    "chance": "D is right on half of the patches, as by guessing: it learns nothing; raise its learning rate.",
    "constant": "D gives every patch the same logits: it has collapsed; lower its learning rate.",
    "intensity": "Refined images are further from the real ones in mean intensity than synthetic ones are; raise the "
    "weight of self-regularisation.",
    "history": "The history buffer does not fill; choose a smaller --history-size.",
    "vanished R": "R's gradient has vanished: it learns nothing; lower its learning rate and train anew.",
    "vanished D": "D's gradient has vanished: it learns nothing; lower its learning rate and train anew.",
    "budget": "Content moves by more than the drift budget, and the weight of self-regularisation cannot prevent it; "
    "raise --self-regularisation, or frame both sets alike.",
    "label": "More of a label is lost than three times its budget in --keep-label, and the weight of its term cannot "
    "prevent it; raise --self-regularisation, or allow more.",
}
