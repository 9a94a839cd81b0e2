"""Do two sets have their labels in the same proportions? If not, estimators err for a reason that no refiner mends."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simgan.evaluation.tasks import Task, words

# Differences up to these are not worth a warning.
_SHIFT = 0.5  # of a mean, in standard deviations of the synthetic labels
_RATIO = 2.0  # of the two standard deviations, either way
_MOVED = 0.25  # share of the images that would have to change class
_MOST = 8  # numbers or classes that the sentence names


class LabelDistribution(NamedTuple):
    """How the labels of two sets are distributed."""

    sentence: str
    differs: bool
    """Whether they differ so much that the scores suffer."""


def compare_labels(task: Task, synthetic: NDArray[Any], real: NDArray[Any]) -> LabelDistribution:
    """Compares the labels (N, ...) of synthetic training images with those (M, ...) of real test images.

    Classes differ if more than a quarter of the images would have to change class for equal shares. Numbers differ if
    a mean differs by more than half of the synthetic standard deviation, or the real deviation is less than half or
    more than twice the synthetic one.
    """
    if task.name == "classification":
        return _compare_classes(words(synthetic), words(real))
    x, y = (task.targets(labels).astype(np.float64) for labels in (synthetic, real))
    deviation = x.std(axis=0) + 1e-9
    ratio = (y.std(axis=0) + 1e-9) / deviation
    shifts = np.abs(y.mean(axis=0) - x.mean(axis=0)) / deviation
    differs = bool((shifts > _SHIFT).any() or (ratio < 1 / _RATIO).any() or (ratio > _RATIO).any())
    listed = [", ".join(f"{one.mean():.2g} +- {one.std():.2g}" for one in numbers.T[:_MOST]) for numbers in (x, y)]
    of_what = " of the unit vectors' x, y, z" if task.name == "angle" else ""
    more = f" (the first {_MOST} of {x.shape[1]} numbers)" if x.shape[1] > _MOST else ""
    return LabelDistribution(
        f"Labels, mean +- standard deviation{of_what}: synthetic {listed[0]}; real {listed[1]}{more}.", differs
    )


def _compare_classes(synthetic: NDArray[Any], real: NDArray[Any]) -> LabelDistribution:
    classes = np.unique(np.concatenate([synthetic, real]))
    shares = [np.array([(labels == one).mean() for one in classes]) for labels in (synthetic, real)]
    distance = float(np.abs(shares[0] - shares[1]).sum() / 2)
    widest = np.argsort(-np.abs(shares[0] - shares[1]), kind="stable")[:_MOST]
    listed = ", ".join(f"{classes[index]}: {shares[0][index]:.0%} and {shares[1][index]:.0%}" for index in widest)
    more = f"; the {_MOST} most different of {len(classes)} classes" if len(classes) > _MOST else ""
    return LabelDistribution(
        f"Labels, share of synthetic and of real images: {listed}{more}. Total variation distance {distance:.2f}.",
        distance > _MOVED,
    )
