"""How much of a label is lost between an image and its refined version, as a network reads the label in both."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.tasks.task import Angle, Classification, Points, Task


def lost_by_each_image(
    task: Task, before: NDArray[Any], after: NDArray[Any], targets: NDArray[np.float32]
) -> NDArray[np.float64]:
    """How much of the label each image loses.

    Args:
        task: the task of the label.
        before: (N, K) what the network reads in synthetic images: logits, or values of the label.
        after: (N, K) what it reads in the same images, refined.
        targets: (N, K) the true values: one-hot classes, or values of the label.

    Returns:
        For classes (M,), one number for each of the M images in which the network reads the true class before
        refining: 1 if it reads another class after refining, else 0. For other labels (N,): how far the two readings
        of an image are apart, in degrees, in px, or as a mean over the numbers in units of the label.
    """
    if isinstance(task, Classification):
        true, read, kept = targets.argmax(axis=1), before.argmax(axis=1), after.argmax(axis=1)
        return np.asarray(kept[read == true] != true[read == true], np.float64)
    if isinstance(task, Angle):
        first, second = (values / np.linalg.norm(values, axis=1, keepdims=True) for values in (before, after))
        return np.asarray(np.degrees(np.arccos(np.clip((first * second).sum(axis=1), -1, 1))), np.float64)
    if isinstance(task, Points):
        return np.asarray(
            np.linalg.norm((after - before).reshape(len(before), -1, 2), axis=2).mean(axis=1), np.float64
        )
    return np.asarray(np.abs(after - before).mean(axis=1), np.float64)
