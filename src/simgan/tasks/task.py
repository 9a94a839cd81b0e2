"""Tasks: how a label is turned into targets of an estimator, with which loss it is learnt, and how it is scored."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from keras import ops
from numpy.typing import NDArray

from simgan.eyes.geometry import gaze_vector
from simgan.tasks.networks import Network
from simgan.tasks.points import as_points

TaskName = Literal["angle", "points", "vector", "classification", "segmentation", "detection"]
ErrorOfSet = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""The error of a set of N images, as a function of how often each image counts: (R, N) -> (R,)."""


class Task(Protocol):
    """How one label is learnt and scored."""

    @property
    def name(self) -> TaskName:
        """Name of the task, as --task takes it."""

    @property
    def unit(self) -> str:
        """Unit of an error."""

    @property
    def thresholds(self) -> tuple[float, ...]:
        """In `unit`: for each threshold the share of test images with a smaller error is reported."""

    @property
    def standardised(self) -> bool:
        """Whether targets are brought to mean 0 and deviation 1 for training."""

    @property
    def batch_size(self) -> int:
        """Images in an update."""

    @property
    def learning_rate(self) -> float:
        """Learning rate of the first update."""

    @property
    def network(self) -> Network | None:
        """Builds the network of this task; None: any network from images to vectors can learn it."""

    @property
    def outputs(self) -> int | None:
        """Channels of the output of `network`; None: as many as a target has numbers."""

    def targets(self, labels: NDArray[Any]) -> NDArray[Any]:
        """Converts labels (N, ...) to targets of the network: vectors (N, K), or maps (N, ..., h, w)."""

    def loss(self, outputs: Any, targets: Any) -> Any:
        """Loss of a batch, a scalar; both arguments are (B, K), or maps (B, ..., h, w)."""

    def errors(self, outputs: NDArray[np.float32], labels: NDArray[Any]) -> NDArray[np.float64]:
        """What each image contributes to the error, (N, ...). In most tasks its own error, (N,), in `unit`."""

    def of_set(self, errors: NDArray[np.float64]) -> ErrorOfSet:
        """The error of a set of images, in `unit`, out of what each contributes, (N, ...)."""


def smooth_l1(outputs: Any, targets: Any) -> Any:
    """Mean of e^2 / 2 below 1 and |e| - 1/2 above (Huber)."""
    error = ops.abs(outputs - targets)
    return ops.mean(ops.where(error < 1.0, 0.5 * error**2, error - 0.5))


def mean_over_images(errors: NDArray[np.float64]) -> ErrorOfSet:
    """The mean error of images with the errors (N,)."""

    def mean(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(weights @ errors / weights.sum(axis=1))

    return mean


def mean_of_classes(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of each row (R, C), in which NaN are left out; NaN if all are."""
    defined = ~np.isnan(scores)
    count, mean = defined.sum(axis=1), np.full(len(scores), np.nan)
    np.divide(np.where(defined, scores, 0).sum(axis=1), count, out=mean, where=count > 0)
    return mean


class _ErrorOfEachImage:
    """A task whose error is a mean over images, and whose targets are vectors."""

    batch_size = 64
    learning_rate = 1e-3
    network: Network | None = None
    outputs: int | None = None

    def of_set(self, errors: NDArray[np.float64]) -> ErrorOfSet:
        return mean_over_images(errors)


class _Regression(_ErrorOfEachImage):
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
class Classification(_ErrorOfEachImage):
    """One class an image: integers, booleans or words, (N,)."""

    classes: tuple[Any, ...]
    name: TaskName = "classification"
    unit: str = "wrong"
    thresholds: tuple[float, ...] = ()
    standardised: bool = False

    def targets(self, labels: NDArray[Any]) -> NDArray[np.float32]:
        """One-hot (N, classes); zeros for a class that is not learnt."""
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


def images_without_numbers(labels: NDArray[Any]) -> int:
    """In how many images a label (N, ...) has missing or infinite numbers: no network learns from them."""
    if labels.dtype.kind != "f":
        return 0
    return int((~np.isfinite(labels)).reshape(len(labels), -1).any(axis=1).sum())
