"""The weight of self-regularisation: fixed, or steered so that labels stay within a drift budget."""

import math
from collections.abc import Callable
from typing import Any, Protocol

# Ours, docs/experiments.md. A step of the logarithm of the weight, for each unit of drift / budget - 1.
_EVERY = 10  # adversarial steps between two measurements
_RISE, _FALL = 0.2, 0.05
_LIMIT = 64.0  # times the first weight


class Weight(Protocol):
    """The weight of self-regularisation in R's loss."""

    def __call__(self, step: int) -> float:
        """The weight in adversarial step `step`, from 1; called once for each, in order."""

    def gauges(self) -> dict[str, float]:
        """What metrics.jsonl tells of it, by name."""

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Goes on where a checkpoint was made."""


class FixedWeight:
    """The same weight in every step, as in the paper."""

    def __init__(self, weight: float) -> None:
        self._weight = weight

    def __call__(self, step: int) -> float:
        """See `Weight`."""
        return self._weight

    def gauges(self) -> dict[str, float]:
        """See `Weight`: nothing changes, so nothing is told."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """See `Weight`."""
        return {}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """See `Weight`."""


class DriftBudget:
    """Steers the weight by dual ascent: minimise the adversarial loss subject to drift <= budget.

    The weight is the multiplier of that constraint. Its logarithm moves with the relative excess of the drift,
    drift / budget - 1, at most 1 either way. It falls more slowly than it rises, and never below the first: R begins
    as the identity, whose drift of nothing says little of what is to come.

    Args:
        budget: mean drift that is allowed, px.
        first: the weight to begin with.
        measure: the mean drift, px, of the refiner that would be saved now.
    """

    def __init__(self, budget: float, first: float, measure: Callable[[], float]) -> None:
        self._weight, self._drift = first, 0.0
        self._budget, self._measure = budget, measure
        self._low, self._high = first, first * _LIMIT

    def __call__(self, step: int) -> float:
        """See `Weight`."""
        if step % _EVERY == 0:
            self._drift = self._measure()
            excess = min(1.0, self._drift / self._budget - 1)  # no drift at all is -1
            moved = self._weight * math.exp((_RISE if excess > 0 else _FALL) * excess)
            self._weight = max(self._low, min(self._high, moved))
        return self._weight

    def gauges(self) -> dict[str, float]:
        """See `Weight`: the weight now, and the drift when it was last measured, px."""
        return {"self_regularisation_weight": self._weight, "measured_drift": self._drift}

    def state_dict(self) -> dict[str, Any]:
        """See `Weight`."""
        return {"weight": self._weight, "drift": self._drift}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """See `Weight`.

        Raises:
            KeyError, TypeError, ValueError: it is no state of this budget.
        """
        weight, drift = float(saved["weight"]), float(saved["drift"])
        if not (self._low <= weight <= self._high and 0 <= drift < math.inf):
            raise ValueError(f"expected a weight of {self._low:g} to {self._high:g}, received {weight:g}")
        self._weight, self._drift = weight, drift
