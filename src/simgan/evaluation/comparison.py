"""Summarises errors on real images: intervals for each training set, and refined images against the best free set."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simgan.evaluation.bootstrap import interval, resampled_means
from simgan.evaluation.results import Comparison, Interval, Trained
from simgan.tasks.task import Task

Errors = NDArray[np.float64]
"""(seeds, test images, ...): what each test image contributes to the error; see `Task.errors`."""


class Set(NamedTuple):
    """A set of training images, augmented or not."""

    name: str
    kind: Literal["free", "refined", "bound"]
    augmented: bool


def summarise(errors: Mapping[Set, Errors], task: Task) -> tuple[tuple[Trained, ...], tuple[Comparison, ...]]:
    """Scores of all sets, and comparisons of the refined sets with the best free one.

    Args:
        errors: the errors of the estimators of each set. Sets with errors of fewer seeds than the others are scored,
            but are not compared.
        task: the task that the estimators have learnt.
    """
    seeds = max(len(of_set) for of_set in errors.values())
    compared = [one for one, of_set in errors.items() if len(of_set) == seeds]
    paired = resampled_means([errors[one] for one in compared], task.error_of_set)
    resampled = dict(zip(compared, paired, strict=True))
    resampled |= {
        one: resampled_means([of_set], task.error_of_set)[0] for one, of_set in errors.items() if one not in resampled
    }
    each_seed = {one: errors_of_seeds(of_set, task) for one, of_set in errors.items()}
    mean = {one: float(np.mean(of_seeds)) for one, of_seeds in each_seed.items()}
    scores = tuple(
        Trained(
            on=one.name,
            kind=one.kind,
            augmented=one.augmented,
            error=interval(mean[one], resampled[one]),
            each_seed=each_seed[one],
            within={f"{limit:g} {task.unit}": float((of_set < limit).mean()) for limit in task.thresholds},
        )
        for one, of_set in errors.items()
    )
    comparisons = []
    for one in compared:
        if one.kind != "refined":
            continue
        rivals = [rival for rival in compared if rival.kind == "free" and rival.augmented == one.augmented]
        best = min(rivals, key=lambda rival: mean[rival])
        difference = resampled[one] - resampled[best]
        comparisons.append(
            Comparison(
                on=one.name,
                augmented=one.augmented,
                best_free=best.name,
                difference=interval(mean[one] - mean[best], difference),
                relative=_relative(mean[one] - mean[best], mean[best], difference, resampled[best]),
            )
        )
    return scores, tuple(comparisons)


def errors_of_seeds(errors: Errors, task: Task) -> tuple[float, ...]:
    """The error of the estimator of each seed on all test images."""
    each_once = np.ones((1, errors.shape[1]))
    return tuple(float(task.error_of_set(of_seed)(each_once)[0]) for of_seed in errors)


def _relative(
    difference: float, free: float, differences: NDArray[np.float64], of_free: NDArray[np.float64]
) -> Interval | None:
    """The difference as a share of the free set's error. None if that error is 0 in 1 of 40 resamples or more."""
    if np.nanpercentile(of_free, 2.5) <= 0:
        return None
    return interval(difference / free, differences / np.maximum(of_free, of_free[of_free > 0].min()))
