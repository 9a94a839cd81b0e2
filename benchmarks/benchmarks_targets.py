"""The targets of `make benchmarks`, and whether they are reached."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from benchmarks.benchmarks_scores import Scores
from benchmarks.proof_jobs import SEEDS
from benchmarks.proof_table import mean_and_interval
from simgan.evaluation.contenders import WHOLE, WITH_REFINED


class Measured(NamedTuple):
    """What was measured, and whether it reaches the target."""

    text: str
    reached: bool


Measure = Callable[[Scores, str], Measured | None]
"""Measures a target on a refined set; None: nothing was measured."""


@dataclass(frozen=True)
class Target:
    """A target in one domain."""

    domain: str
    text: str
    measure: Measure
    sets: tuple[str, ...] = WITH_REFINED
    """The refined sets to which the target applies."""

    def cell(self, scores: Scores, on: str) -> str:
        """What was measured on the set `on`, and whether the target is reached."""
        measured = self.measure(scores, on) if on in self.sets else None
        if measured is None:
            return "" if on not in self.sets else "not measured"
        if scores.trial is not None:
            return f"{measured.text}; a trial"
        if len(scores.seeds) < SEEDS:
            return f"{measured.text}; undecided, {len(scores.seeds)} of {SEEDS} seeds"
        return f"{measured.text}: {'reached' if measured.reached else '**missed**'}"


def right(least: float) -> Measure:
    """At least so many per cent of the test images get the right class."""

    def measure(scores: Scores, on: str) -> Measured | None:
        found = scores.error(on)
        if found is None:
            return None
        share = 100 * (1 - found.error.estimate)
        low, high = 100 * (1 - found.error.high), 100 * (1 - found.error.low)
        return Measured(f"{share:.1f} ({low:.1f} to {high:.1f})", share >= least)

    return measure


def at_most(figure: str, limit: float, form: str) -> Measure:
    """A figure on labels is at most `limit` in the mean over seeds."""

    def measure(scores: Scores, _: str) -> Measured | None:
        values = scores.label_figures(figure)
        return Measured(mean_and_interval(values, form), float(np.mean(values)) <= limit) if values else None

    return measure


def below_best_free(share: float) -> Measure:
    """The error is at least this share smaller than that of the best free set."""

    def measure(scores: Scores, on: str) -> Measured | None:
        found = scores.comparison(on)
        if found is None or found.relative is None:
            return None
        smaller = -found.relative.estimate
        return Measured(f"{smaller:.0%} ({-found.relative.high:.0%} to {-found.relative.low:.0%})", smaller >= share)

    return measure


def budget_kept(scores: Scores, _: str) -> Measured | None:
    """The content moved by no more than the drift budget of the training, by optical flow, in the mean over seeds."""
    flows, budgets = scores.label_figures("flow"), set(scores.label_figures("budget"))
    if not flows or len(budgets) != 1:
        return None
    budget = budgets.pop()
    return Measured(f"{mean_and_interval(flows)} of {budget:g} px by optical flow", float(np.mean(flows)) <= budget)


def wins_each_seed(scores: Scores, on: str) -> Measured | None:
    """With each seed the error is smaller than that of the free set that is best with this seed."""
    found = scores.error(on)
    free = [one.each_seed for one in scores.trained if one.kind == "free" and one.augmented]
    if found is None or not free:
        return None
    wins = sum(error < min(others) for error, *others in zip(found.each_seed, *free, strict=True))
    return Measured(f"better with {wins} of {len(found.each_seed)} seeds", wins == len(found.each_seed))


_FLIPPED = at_most("flipped", 0.01, ".2%")
TARGETS = (
    Target("mnist-usps", "at least 95.6 % right", right(95.6)),
    Target("mnist-usps", "aim: 97 % right", right(97.0)),
    Target("mnist-usps", "at most 1 % of labels flipped", _FLIPPED, (WHOLE,)),
    Target("usps-mnist", "at least 96.4 % right", right(96.4)),
    Target("usps-mnist", "aim: 97.5 % right", right(97.5)),
    Target("usps-mnist", "at most 1 % of labels flipped", _FLIPPED, (WHOLE,)),
    Target("mnist-mnistm", "at least 95 % right", right(95.0)),
    Target("camera", "error 20 % below the best free set", below_best_free(0.2)),
    Target("camera", "drift within the budget of the training", budget_kept, (WHOLE,)),
    Target("signs", "error below the best free set with each seed", wins_each_seed),
)
