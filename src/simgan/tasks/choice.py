"""Chooses the task of a label: the one that the user asked for, else by the label's name, shape and type."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.labels import are_directions
from simgan.tasks.boxes import are_boxes, check_boxes
from simgan.tasks.detection import Detection
from simgan.tasks.points import on_image
from simgan.tasks.segmentation import MOST_CLASSES, Segmentation, classes_of_masks
from simgan.tasks.task import Angle, Classification, Points, Task, TaskName, Vector, comparable_classes


def choose_task(label: str, labels: NDArray[Any], size: tuple[int, int], wanted: TaskName | None = None) -> Task:
    """The task of a label.

    Boxes are detected. Whole numbers and words are classes. Two numbers named gaze, head_pose or pitch_yaw, and unit
    vectors, are directions. Masks of the image's size with 2 to 64 classes, including the background, are segmented.
    Other masks, and pairs of numbers that lie on the image, are points. Any other numbers are a vector.

    Args:
        label: name of the label.
        labels: (N, ...), of the training images.
        size: (H, W) of the images.
        wanted: the task that the user asked for. None: the task is chosen by the rules above.

    Raises:
        DataError: no task fits the label, or `wanted` does not.
    """
    tasks: dict[TaskName, Any] = {
        "detection": lambda: Detection(check_boxes(labels, label), size),
        "classification": lambda: Classification(tuple(np.unique(comparable_classes(labels)).tolist())),
        "angle": Angle,
        "segmentation": lambda: Segmentation(_check_count(classes_of_masks(labels), label), size),
        "points": lambda: Points(label, size),
        "vector": Vector,
    }
    boxes, kind = are_boxes(labels), labels.dtype.kind
    possible = {
        "detection": boxes,
        "classification": labels.ndim == 1 and kind in "iubSUO" and not boxes,
        "angle": labels.ndim == 2 and labels.shape[1] in (2, 3),
        "segmentation": labels.shape[1:] == size and kind in "iub",
        "points": labels.ndim in (2, 3) and (labels.shape[-1] == 2 or labels.shape[1:] == size),
        "vector": labels.ndim <= 2 and kind in "fiub",
    }
    fitting = [name for name in tasks if possible[name] and _fits(name, label, labels, size)]
    chosen = wanted or (fitting[0] if fitting else None)
    if chosen is None or not possible[chosen]:
        raise DataError(
            "label: expected numbers, points, masks, boxes or classes that can be learnt"
            f"{f' as {wanted}' if wanted else ''}, received {label!r} of shape {labels.shape} and type "
            f"{labels.dtype}; choose another label or --task."
        )
    return tasks[chosen]()  # type: ignore[no-any-return]


def _fits(task: TaskName, label: str, labels: NDArray[Any], size: tuple[int, int]) -> bool:
    """Whether a label whose shape and type allow `task` is probably meant for it."""
    if task == "angle":
        return are_directions(label, labels)
    if task == "segmentation":
        return 2 <= len(classes_of_masks(labels)) <= MOST_CLASSES
    if task == "points":
        return labels.dtype.kind in "fiub" and (labels.shape[1:] == size or on_image(labels, size))
    return True


def _check_count(classes: tuple[int, ...], label: str) -> tuple[int, ...]:
    """Returns `classes`. Raises DataError if there are too few or too many."""
    if 2 <= len(classes) <= MOST_CLASSES:
        return classes
    raise DataError(
        f"label: expected masks of 2 to {MOST_CLASSES} classes in {label!r}, including the background, received "
        f"{len(classes)}; choose another label or --task."
    )
