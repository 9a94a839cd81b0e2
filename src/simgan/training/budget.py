"""The weight of a constraint on R: fixed, or steered so that labels stay within a budget."""

import math
from collections.abc import Callable
from typing import Any, Protocol

# Ours, measured in docs/experiments.md.
_EVERY = 10  # adversarial steps between two measurements
_RISE, _FALL = 0.2, 0.05  # change of the logarithm of the weight, for drift / budget - 1 of 1 and of -1
_MARGIN = 1.1  # ratio to the budget up to which nothing counts as excess: what is lost is measured with noise


class Weight(Protocol):
    """The weight of a term in R's loss that keeps labels true."""

    def __call__(self, step: int) -> float:
        """The weight in adversarial step `step`, from 1; called once for each step, in order."""

    def gauges(self) -> dict[str, float]:
        """The numbers that metrics.jsonl records of the weight, by name."""

    def excess(self) -> float:
        """By which share of its budget more was lost at the last measurement than the budget, noise apart; 0: none."""

    def state_dict(self) -> dict[str, Any]:
        """The state of the weight, for a checkpoint."""

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Restores the state from a checkpoint."""


class FixedWeight:
    """The same weight in every step, as in the paper."""

    def __init__(self, weight: float) -> None:
        self._weight = weight

    def __call__(self, step: int) -> float:
        """See `Weight`."""
        return self._weight

    def gauges(self) -> dict[str, float]:
        """See `Weight`; empty, since the weight never changes."""
        return {}

    def excess(self) -> float:
        """See `Weight`; 0, since there is no budget."""
        return 0.0

    def state_dict(self) -> dict[str, Any]:
        """See `Weight`."""
        return {}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """See `Weight`."""


class Budget:
    """Steers the weight by dual ascent: minimise the adversarial loss subject to loss of a label <= budget.

    The weight is the multiplier of that constraint. Its logarithm moves with the relative excess of what was measured,
    measured / budget - 1, at most 1 either way. It falls more slowly than it rises, and the weight never falls below
    the first one: R begins as the identity, which loses nothing, and that does not predict the loss to come.

    Args:
        budget: what is allowed: mean drift in px, or what `measure` returns.
        first: the weight to begin with.
        measure: measures how much the refiner that would be saved now loses of the label.
        gauges: names of the weight and of the last measurement in metrics.jsonl.
        limit: the largest weight, as a multiple of the first.
    """

    def __init__(
        self,
        budget: float,
        first: float,
        measure: Callable[[], float],
        gauges: tuple[str, str] = ("self_regularisation_weight", "measured_drift"),
        limit: float = 64.0,
    ) -> None:
        self._weight, self._measured = first, 0.0
        self._budget, self._measure, self._names = budget, measure, gauges
        self._low, self._high = first, first * limit

    def __call__(self, step: int) -> float:
        """See `Weight`."""
        if step % _EVERY == 0:
            self._measured = self._measure()
            excess = min(1.0, self._measured / self._budget - 1)  # -1 without any loss
            moved = self._weight * math.exp((_RISE if excess > 0 else _FALL) * excess)
            self._weight = max(self._low, min(self._high, moved))
        return self._weight

    def gauges(self) -> dict[str, float]:
        """See `Weight`: the present weight, and the last measurement."""
        return dict(zip(self._names, (self._weight, self._measured), strict=True))

    def excess(self) -> float:
        """See `Weight`."""
        return max(0.0, self._measured / self._budget - _MARGIN)

    def state_dict(self) -> dict[str, Any]:
        """See `Weight`."""
        return {"weight": self._weight, "drift": self._measured}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """See `Weight`.

        Raises:
            KeyError, TypeError, ValueError: `saved` is no state of this budget.
        """
        weight, measured = float(saved["weight"]), float(saved["drift"])
        if not (self._low <= weight <= self._high and 0 <= measured < math.inf):
            raise ValueError(f"expected a weight of {self._low:g} to {self._high:g}, received {weight:g}")
        self._weight, self._measured = weight, measured
