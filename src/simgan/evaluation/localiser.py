"""A localiser: a network that reads the positions of labelled points in synthetic and in refined images.

It is trained on synthetic images only. Their appearance is changed at random while the points stay on the content
(augmentation.py), so that the points which it reads in a refined image follow the content and not the appearance.

benchmarks/drift_floor.py measures its error under a change of appearance alone: there, the same eyes are rendered
twice, the second time as a camera sees them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.evaluation.augmentation import change_appearance, shift_and_zoom
from simgan.evaluation.estimator import Estimator, Training, train_estimators
from simgan.evaluation.voting import voting_network

_LEARNING_RATE = 2e-3  # ours: docs/experiments.md, section 10
_SHIFTS = (-3, -1, 2)  # px, along each axis: unevenly spaced, so that each falls differently on the network's grid


@dataclass(frozen=True)
class Localiser(Estimator):
    """Reads points (N, 2P), px, in images (N, H, W, C) in [-1, 1]: the mean of nine readings of shifted copies.

    Its error depends on where a point falls on the network's coarse grid, and the mean over shifts evens this out.
    """

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Points (N, 2P), px."""
        read = super().__call__
        points = [read(shifted(images, dx, dy)) - self._shift_of_points(dx, dy) for dy in _SHIFTS for dx in _SHIFTS]
        return np.asarray(np.mean(points, axis=0), np.float32)

    def _shift_of_points(self, dx: int, dy: int) -> NDArray[np.float32]:
        """(2P,): the shift (dx, dy), repeated for each of the P points."""
        return np.tile(np.asarray([dx, dy], np.float32), self.model.output_shape[-1] // 2)


def train_localiser(
    synthetic: NDArray[np.float32],
    points: NDArray[Any],
    *,
    steps: int = 1200,
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Localiser:
    """Trains a localiser on synthetic images whose place and appearance change at random.

    Args:
        synthetic: (N, H, W, C) in [-1, 1].
        points: (N, P, 2), px.
        steps: number of updates.
        seed: seed of weights, order and augmentation.
        on_progress: called with the number of steps done and of all.

    Returns:
        An estimator of the points, (N, 2P), px.
    """
    training = Training(
        synthetic,
        points.reshape(len(points), -1),
        network=voting_network,
        standardised=False,
        steps=steps,
        learning_rate=_LEARNING_RATE,
        seed=seed,
        augment=_augment,
    )
    (trained,) = train_estimators([training], on_progress)
    return Localiser(trained.model, trained.engine, trained.mean, trained.scale)


def shifted(images: NDArray[np.float32], dx: int, dy: int) -> NDArray[np.float32]:
    """Images (N, H, W, C) moved by whole pixels, to the right and down; border pixels are repeated."""
    height, width = images.shape[1:3]
    rows = np.clip(np.arange(height) - dy, 0, height - 1)
    columns = np.clip(np.arange(width) - dx, 0, width - 1)
    return images[:, rows[:, None], columns]


def _augment(
    images: NDArray[np.float32], points: NDArray[np.float32], random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    moved, points = shift_and_zoom(images, points, random)
    return change_appearance(moved, random), points
