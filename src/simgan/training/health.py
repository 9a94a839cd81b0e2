"""Is a training well? What is not finite ends it; alarms say what else goes wrong for long, and the way out.

Alarms are read off the records of metrics.jsonl, so the log and the report tell the same.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.errors import NotFiniteError
from simgan.runs.position import ADVERSARIAL, Position

# Ours. tests/test_health.py provokes each; none is raised on a run of the demo.
LONG = 5  # records in a row, all of which must show it
_UNCHANGED = 0.005  # mean |x~ - x| in the [-1, 1] range: R is as good as the identity
_PERFECT = 0.99  # share of patches that D gets right
_CHANCE = 0.02  # from one half
_CONSTANT = 1e-3  # deviation of logits
_DARKER = 0.1  # how much further from the real images' mean intensity than the synthetic images are
_VANISHED = 1e-7  # norm of a gradient
_OVERDRAWN = 1.3  # measured drift over budget, in the mean of the records

# Not --resume: a training that goes on does the same again.
_WAY_OUT = "train anew with another --out and lower learning rates."

Record = Mapping[str, Any]


def check_losses(losses: Mapping[str, NDArray[np.float32]], position: Position) -> None:
    """Looks at the losses of the last steps, of which the newest is that of `position`.

    Raises:
        NotFiniteError: one is not finite; the first such step is named.
    """
    bad = [
        (int(np.flatnonzero(~np.isfinite(of))[0]) - len(of), name)
        for name, of in losses.items()
        if not np.isfinite(of).all()
    ]
    if bad:
        back, name = min(bad)
        step = position.step + 1 + back
        raise NotFiniteError(
            f"{position.phase.replace('_', ' ')} step {step}: expected a finite {name}, received "
            f"{losses[name][back]}; {_WAY_OUT}"
        )


def check_arrays(arrays: Mapping[str, NDArray[Any]], position: Position) -> None:
    """Looks at what would become a checkpoint, or the result.

    Raises:
        NotFiniteError: an array is not finite; it is named.
    """
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise NotFiniteError(f"{position}: expected finite numbers in {name}, received others; {_WAY_OUT}")


def alarms(records: Sequence[Record], drift_budget: float | None = None) -> dict[str, str]:
    """What has been wrong in the last records of the adversarial phase: sentences by the alarm's name.

    Args:
        records: of metrics.jsonl, oldest first.
        drift_budget: `TrainConfig.drift_budget`.
    """
    late = [record for record in records if record.get("phase") == ADVERSARIAL][-LONG:]
    if len(late) < LONG:
        return {}

    def always(name: str, wrong: Callable[[float], bool]) -> bool:
        return all(name in record and wrong(float(record[name])) for record in late)

    def mean(name: str) -> float:
        return float(np.mean([float(record.get(name, 0.0)) for record in late]))

    of_d = ("discriminator_real_accuracy", "discriminator_refined_accuracy")
    gap, brightening = mean("discriminator_intensity_gap"), mean("refiner_brightening")
    fills = [float(record.get("history_fill", 1.0)) for record in late]
    raised = {
        "identity": always("refiner_change", lambda change: change < _UNCHANGED),
        "perfect": all(always(name, lambda share: share > _PERFECT) for name in of_d),
        "chance": all(always(name, lambda share: abs(share - 0.5) < _CHANCE) for name in of_d),
        "constant": always("discriminator_logit_spread", lambda spread: spread < _CONSTANT),
        "intensity": abs(gap) > abs(gap - brightening) + _DARKER,
        "history": fills[-1] < 1.0 and fills[-1] <= fills[0],
        "vanished R": always("refiner_gradient", lambda norm: norm < _VANISHED),
        "vanished D": always("discriminator_gradient", lambda norm: norm < _VANISHED),
        "budget": drift_budget is not None and mean("measured_drift") > _OVERDRAWN * drift_budget,
    }
    return {name: _SAID[name] for name, is_raised in raised.items() if is_raised}


def raised_alarms(records: Sequence[Record], drift_budget: float | None = None) -> Iterator[str]:
    """Every alarm of a training, with the steps of its first and last record."""
    seen: dict[str, tuple[int, int]] = {}
    adversarial = [record for record in records if record.get("phase") == ADVERSARIAL]
    for end in range(LONG, len(adversarial) + 1):
        window = adversarial[end - LONG : end]
        for name in alarms(window, drift_budget):
            seen[name] = (seen.get(name, (int(window[0].get("step", 0)), 0))[0], int(window[-1].get("step", 0)))
    return (f"Steps {first} to {last}: {_SAID[name]}" for name, (first, last) in seen.items())


_SAID = {
    "identity": "R changes next to nothing; lower the weight of self-regularisation or raise R's learning rate.",
    "perfect": "D is right on nearly every patch: R has lost; lower D's learning rate or the weight of "
    "self-regularisation, and look at 'simgan check SYNTHETIC --against REAL'.",
    "chance": "D is right on half of the patches, as by guessing: it learns nothing; raise its learning rate.",
    "constant": "D says the same of every patch: it has collapsed; lower its learning rate.",
    "intensity": "Refined images are further from the real ones in mean intensity than synthetic ones are; raise the "
    "weight of self-regularisation.",
    "history": "The history buffer does not fill; choose a smaller --history-size.",
    "vanished R": "R's gradient has vanished: it learns nothing; lower its learning rate and train anew.",
    "vanished D": "D's gradient has vanished: it learns nothing; lower its learning rate and train anew.",
    "budget": "Content moves by more than the drift budget, and weight does not help; raise --self-regularisation, or "
    "frame both sets alike.",
}
