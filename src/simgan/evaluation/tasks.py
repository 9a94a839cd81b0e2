"""Tasks: how a label is turned into targets of an estimator, with which loss it is learnt, and how it is scored."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from keras import ops
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.evaluation.points import as_points, on_image
from simgan.eyes.geometry import gaze_vector

TaskName = Literal["angle", "points", "vector", "classification"]
_ANGLES = ("gaze", "head_pose", "pitch_yaw")  # names of labels whose two numbers are pitch and yaw
_OFF_UNIT = 1e-2  # largest difference between the length of a unit vector and 1


class Task(Protocol):
    """How one label is learnt and scored."""

    name: TaskName
    unit: str
    """Unit of an error."""
    thresholds: tuple[float, ...]
    """In `unit`: for each threshold the share of test images with a smaller error is reported."""
    standardised: bool
    """Whether targets are brought to mean 0 and deviation 1 for training."""

    def targets(self, labels: NDArray[Any]) -> NDArray[np.float32]:
        """Converts labels (N, ...) to targets of the network, (N, K)."""

    def loss(self, outputs: Any, targets: Any) -> Any:
        """Loss of a batch, a scalar; both arguments are (B, K)."""

    def errors(self, outputs: NDArray[np.float32], labels: NDArray[Any]) -> NDArray[np.float64]:
        """Error of each image, (N,), in `unit`."""


def smooth_l1(outputs: Any, targets: Any) -> Any:
    """Mean of e^2 / 2 below 1 and |e| - 1/2 above (Huber)."""
    error = ops.abs(outputs - targets)
    return ops.mean(ops.where(error < 1.0, 0.5 * error**2, error - 0.5))


class _Regression:
    standardised = True

    def loss(self, outputs: Any, targets: Any) -> Any:
        return smooth_l1(outputs, targets)


@dataclass(frozen=True)
class Angle(_Regression):
    """Directions: (N, 2) pitch and yaw in radians, or (N, 3) unit vectors. Learnt as unit vectors."""

    name: TaskName = "angle"
    unit: str = "degrees"
    thresholds: tuple[float, ...] = (5.0, 10.0, 15.0)

    def targets(self, labels: NDArray[Any]) -> NDArray[np.float32]:
        """Unit vectors (N, 3)."""
        directions = np.asarray(labels, np.float64)
        return np.asarray(gaze_vector(directions) if directions.shape[1] == 2 else directions, np.float32)

    def errors(self, outputs: NDArray[np.float32], labels: NDArray[Any]) -> NDArray[np.float64]:
        """Degrees between the directions."""
        predicted = outputs / np.maximum(np.linalg.norm(outputs, axis=1, keepdims=True), 1e-12)
        cosine = np.sum(predicted.astype(np.float64) * self.targets(labels), axis=1)
        return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


@dataclass(frozen=True)
class Points(_Regression):
    """Points on the image, (N, 2) or (N, P, 2), x and y in px, or masks; see `as_points`."""

    label: str
    size: tuple[int, int]
    name: TaskName = "points"
    unit: str = "px"
    thresholds: tuple[float, ...] = (1.0, 2.0, 5.0)

    def targets(self, labels: NDArray[Any]) -> NDArray[np.float32]:
        """Coordinates (N, 2P)."""
        points = as_points(labels, self.size, self.label)
        return points.reshape(len(points), -1).astype(np.float32)

    def errors(self, outputs: NDArray[np.float32], labels: NDArray[Any]) -> NDArray[np.float64]:
        """Mean distance over the points of an image, px."""
        difference = (outputs - self.targets(labels)).astype(np.float64).reshape(len(outputs), -1, 2)
        return np.asarray(np.linalg.norm(difference, axis=-1).mean(axis=1))


@dataclass(frozen=True)
class Vector(_Regression):
    """Any other numbers, (N,) or (N, K)."""

    name: TaskName = "vector"
    unit: str = "in units of the label"
    thresholds: tuple[float, ...] = ()

    def targets(self, labels: NDArray[Any]) -> NDArray[np.float32]:
        """The numbers (N, K)."""
        return np.asarray(labels, np.float32).reshape(len(labels), -1)

    def errors(self, outputs: NDArray[np.float32], labels: NDArray[Any]) -> NDArray[np.float64]:
        """Mean absolute error over the numbers of an image."""
        return np.asarray(np.abs(outputs - self.targets(labels)).astype(np.float64).mean(axis=1))


@dataclass(frozen=True)
class Classification:
    """One class an image: integers, booleans or words, (N,)."""

    classes: tuple[Any, ...]
    name: TaskName = "classification"
    unit: str = "wrong"
    thresholds: tuple[float, ...] = ()
    standardised: bool = False

    def targets(self, labels: NDArray[Any]) -> NDArray[np.float32]:
        """One-hot (N, classes); zeros for a class that training did not have."""
        return np.asarray(words(labels)[:, None] == np.array(self.classes), np.float32)

    def loss(self, outputs: Any, targets: Any) -> Any:
        """Softmax cross-entropy; outputs are logits."""
        return ops.mean(ops.categorical_crossentropy(targets, outputs, from_logits=True))

    def errors(self, outputs: NDArray[np.float32], labels: NDArray[Any]) -> NDArray[np.float64]:
        """1 where the class is wrong, else 0."""
        return np.asarray(np.array(self.classes)[outputs.argmax(axis=1)] != words(labels), np.float64)


def words(labels: NDArray[Any]) -> NDArray[Any]:
    """Classes (N,) in a form that can be compared: HDF5 gives words as bytes, NumPy's files as text."""
    if labels.dtype.kind not in "SO":
        return np.asarray(labels)
    return np.array([one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in labels])


def choose_task(label: str, labels: NDArray[Any], size: tuple[int, int], wanted: TaskName | None = None) -> Task:
    """The task of a label, by its shape and type.

    Whole numbers and words are classes. Two numbers named gaze, head_pose or pitch_yaw, and unit vectors, are
    directions. Pairs that lie on the image, and masks of its size, are points. All else is a vector.

    Args:
        label: name of the label.
        labels: (N, ...), of the training images.
        size: (H, W) of the images.
        wanted: the task that the user asked for; None: chosen by shape and type.

    Raises:
        DataError: no task fits the label, or `wanted` does not.
    """
    tasks: dict[TaskName, Any] = {
        "classification": lambda: Classification(tuple(np.unique(words(labels)).tolist())),
        "angle": Angle,
        "points": lambda: Points(label, size),
        "vector": Vector,
    }
    fitting = [name for name in tasks if _fits(name, label, labels, size)]
    chosen = wanted or (fitting[0] if fitting else None)
    possible = {
        "classification": labels.ndim == 1 and labels.dtype.kind in "iubSUO",
        "angle": labels.ndim == 2 and labels.shape[1] in (2, 3),
        "points": labels.ndim in (2, 3) and (labels.shape[-1] == 2 or labels.shape[1:] == size),
        "vector": labels.ndim <= 2 and labels.dtype.kind in "fiub",
    }
    if chosen is None or not possible[chosen]:
        raise DataError(
            f"label: expected numbers, points or classes that can be learnt{f' as {wanted}' if wanted else ''}, "
            f"received {label!r} of shape {labels.shape} and type {labels.dtype}; choose another label or --task."
        )
    return tasks[chosen]()  # type: ignore[no-any-return]


def _fits(task: TaskName, label: str, labels: NDArray[Any], size: tuple[int, int]) -> bool:
    kind = labels.dtype.kind
    if task == "classification":
        return labels.ndim == 1 and kind in "iubSUO"
    if kind not in "fiub":
        return False
    if task == "angle":
        if labels.ndim != 2 or kind != "f":
            return False
        radians = labels.shape[1] == 2 and bool(np.abs(labels).max() <= np.pi)
        named = radians and any(name in label.lower() for name in _ANGLES)
        unit = labels.shape[1] == 3 and bool(np.abs(np.linalg.norm(labels, axis=1) - 1).max() < _OFF_UNIT)
        return named or unit
    if task == "points":
        if labels.ndim == 3 and labels.shape[1:] == size:
            return True
        return labels.ndim in (2, 3) and labels.shape[-1] == 2 and on_image(labels, size)
    return labels.ndim <= 2
