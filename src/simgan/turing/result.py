"""The result of a test: a confusion matrix and a binomial test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from simgan.evaluation.results import Interval
from simgan.turing.trial import Form, Kind, Plan

_LEVEL = 0.05


@dataclass(frozen=True)
class TuringResult:
    """One person's answers to one test."""

    test: str
    """Name of the file in RUN/turing, without its ending."""
    date: str
    """When the test began: ISO 8601, UTC."""
    form: Form
    trials: int
    real_as_real: int
    real_as_refined: int
    refined_as_real: int
    refined_as_refined: int
    accuracy: Interval
    """Share of right answers, with the 95 % interval of Clopper and Pearson (Biometrika 26, 1934)."""
    p_value: float
    """p-value of the two-sided exact binomial test against guessing, 1/2. The paper's 0.148 is one-sided."""

    @property
    def correct(self) -> int:
        """Right answers."""
        return self.real_as_real + self.refined_as_refined

    @property
    def answered(self) -> int:
        """All answers, at most `trials`."""
        return self.correct + self.real_as_refined + self.refined_as_real

    @property
    def finished(self) -> bool:
        """Whether every trial was answered; if not, the figures cover the answered trials."""
        return self.answered == self.trials

    @property
    def verdict(self) -> str:
        """The result in a sentence."""
        if self.p_value >= _LEVEL:
            return "Cannot be told apart at the 5 % level: guessing may give as many right answers."
        if self.correct * 2 < self.answered:
            return "Told apart at the 5 % level, but with the names swapped: wrong more often than guessing would be."
        return "Told apart at the 5 % level: right more often than guessing would be."

    def __str__(self) -> str:
        unfinished = "" if self.finished else f", unfinished: {self.trials - self.answered} trials left"
        return (
            f"{self.correct} of {self.answered} right, {self.accuracy.estimate:.0%} (95 % interval "
            f"{self.accuracy.low:.0%} to {self.accuracy.high:.0%}), p = {self.p_value:.3g}{unfinished}"
        )


def summary(test: str, plan: Plan, answers: Sequence[Kind]) -> TuringResult | None:
    """The result of the answers given so far, in the order of the trials; None before the first."""
    if not answers:
        return None
    from scipy.stats import binomtest  # imported on use: importing it takes long

    pairs = Counter((trial.kind, answer) for trial, answer in zip(plan.trials, answers, strict=False))
    correct = pairs["real", "real"] + pairs["refined", "refined"]
    tested = binomtest(correct, len(answers), 0.5)
    interval = tested.proportion_ci(confidence_level=0.95, method="exact")
    return TuringResult(
        test=test,
        date=plan.date,
        form=plan.form,
        trials=len(plan.trials),
        real_as_real=pairs["real", "real"],
        real_as_refined=pairs["real", "refined"],
        refined_as_real=pairs["refined", "real"],
        refined_as_refined=pairs["refined", "refined"],
        accuracy=Interval(estimate=correct / len(answers), low=float(interval.low), high=float(interval.high)),
        p_value=float(tested.pvalue),
    )
