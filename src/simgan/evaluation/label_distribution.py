"""Compares how labels of two sets are distributed. If they differ, estimators make errors that no refiner reduces."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simgan.tasks.boxes import as_boxes
from simgan.tasks.detection import Detection
from simgan.tasks.segmentation import Segmentation
from simgan.tasks.task import Task, comparable_classes

# Differences up to these are not worth a warning.
_SHIFT = 0.5  # of a mean, in standard deviations of the synthetic labels
_RATIO = 2.0  # of the larger to the smaller standard deviation
_MOVED = 0.25  # share of the images that would have to change class for equal shares of classes
_MOST = 8  # numbers or classes that the sentence names


class LabelDistribution(NamedTuple):
    """How the labels of two sets are distributed."""

    sentence: str
    differs: bool
    """Whether they differ so much that the scores suffer."""


def compare_labels(task: Task, synthetic: NDArray[Any], real: NDArray[Any]) -> LabelDistribution:
    """Compares the labels (N, ...) of synthetic training images with those (M, ...) of real test images.

    Classes of images, pixels or boxes differ if more than a quarter of the images, pixels or boxes would have to
    change class for equal shares of classes. Numbers differ if a mean differs by more than half of the synthetic
    standard deviation, or the real deviation is less than half or more than twice the synthetic one. Boxes
    differ if their classes or sizes differ, or if an image of one set has more than twice as many boxes on average.
    """
    if task.name == "classification":
        return _compare_classes(comparable_classes(synthetic), comparable_classes(real), "images")
    if isinstance(task, Segmentation):
        x, y = (masks[task.labelled(masks)] for masks in map(task.reduced, (synthetic, real)))
        return _compare_classes(x, y, "pixels")
    if isinstance(task, Detection):
        return _compare_boxes(synthetic, real)
    of_what = " of the unit vectors' x, y, z" if task.name == "angle" else ""
    x, y = (task.targets(labels).astype(np.float64) for labels in (synthetic, real))
    return _compare_numbers(x, y, of_what)


def _compare_numbers(x: NDArray[np.float64], y: NDArray[np.float64], of_what: str) -> LabelDistribution:
    deviation = x.std(axis=0) + 1e-9
    ratio = (y.std(axis=0) + 1e-9) / deviation
    shifts = np.abs(y.mean(axis=0) - x.mean(axis=0)) / deviation
    differs = bool((shifts > _SHIFT).any() or (ratio < 1 / _RATIO).any() or (ratio > _RATIO).any())
    listed = [", ".join(f"{one.mean():.2g} +- {one.std():.2g}" for one in numbers.T[:_MOST]) for numbers in (x, y)]
    more = f" (the first {_MOST} of {x.shape[1]} numbers)" if x.shape[1] > _MOST else ""
    return LabelDistribution(
        f"Labels, mean +- standard deviation{of_what}: synthetic {listed[0]}; real {listed[1]}{more}.", differs
    )


def _compare_boxes(synthetic: NDArray[Any], real: NDArray[Any]) -> LabelDistribution:
    """Compares the classes of boxes, their sizes, and the number of boxes in an image."""
    of_sets = [as_boxes(labels) for labels in (synthetic, real)]
    x, y = (np.concatenate(boxes) for boxes in of_sets)
    classes = _compare_classes(x[:, 4].astype(np.int64), y[:, 4].astype(np.int64), "boxes")
    sizes = _compare_numbers(x[:, 2:4], y[:, 2:4], " of the boxes' width and height")
    numbers = [len(boxes) / len(of_set) for boxes, of_set in zip((x, y), of_sets, strict=True)]
    return LabelDistribution(
        f"{classes.sentence} {sizes.sentence} Boxes in an image: synthetic {numbers[0]:.2g}; real {numbers[1]:.2g}.",
        classes.differs or sizes.differs or max(numbers) > _RATIO * min(numbers),
    )


def _compare_classes(synthetic: NDArray[Any], real: NDArray[Any], of_what: str) -> LabelDistribution:
    (x, x_counts), (y, y_counts) = (np.unique(labels, return_counts=True) for labels in (synthetic, real))
    classes = np.union1d(x, y)
    shares = [np.zeros(len(classes)), np.zeros(len(classes))]
    for share, found, counts in zip(shares, (x, y), (x_counts, y_counts), strict=True):
        share[np.searchsorted(classes, found)] = counts / counts.sum()
    distance = float(np.abs(shares[0] - shares[1]).sum() / 2)
    widest = np.argsort(-np.abs(shares[0] - shares[1]), kind="stable")[:_MOST]
    listed = ", ".join(f"{classes[index]}: {shares[0][index]:.0%} and {shares[1][index]:.0%}" for index in widest)
    more = f"; the {_MOST} most different of {len(classes)} classes" if len(classes) > _MOST else ""
    return LabelDistribution(
        f"Labels, share of synthetic and of real {of_what}: {listed}{more}. Total variation distance {distance:.2f}.",
        distance > _MOVED,
    )
