"""A localiser of labelled points that reads synthetic and refined images alike.

It learns from synthetic images only, made to look other than they are while the point stays in its place (looks.py).
So what it reads in a refined image follows the content, not the look.

How far it is still misled by looks alone: benchmarks/drift_floor.py, where the very same eyes are shown by a camera.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.evaluation.estimator import Estimator, train_estimator
from simgan.evaluation.looks import change_appearance, move
from simgan.evaluation.voting import voting_network

_LEARNING_RATE = 2e-3  # ours: docs/experiments.md, section 10
_VIEWS = (-3, -1, 2)  # px: uneven, so that the views fall differently on the network's grid


@dataclass(frozen=True)
class Localiser(Estimator):
    """Reads points (N, 2P), px, in images (N, H, W, C) in [-1, 1]: the mean over nine views, shifted by whole pixels.

    Where a point falls on the network's coarse grid no longer matters then.
    """

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Points (N, 2P), px."""
        read = super().__call__
        views = [read(shifted(images, dx, dy)) - self._tiled(dx, dy) for dy in _VIEWS for dx in _VIEWS]
        return np.asarray(np.mean(views, axis=0), np.float32)

    def _tiled(self, dx: int, dy: int) -> NDArray[np.float32]:
        """(2P,)"""
        return np.tile(np.asarray([dx, dy], np.float32), self.model.output_shape[-1] // 2)


def train_localiser(
    synthetic: NDArray[np.float32],
    points: NDArray[Any],
    *,
    steps: int = 1200,
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Localiser:
    """Trains the localiser.

    Args:
        synthetic: (N, H, W, C) in [-1, 1].
        points: (N, P, 2), px.

    Returns:
        An estimator of the points, (N, 2P), px.
    """
    trained = train_estimator(
        synthetic,
        points.reshape(len(points), -1),
        network=voting_network,
        standardised=False,
        steps=steps,
        learning_rate=_LEARNING_RATE,
        seed=seed,
        augment=_augment,
        on_progress=on_progress,
    )
    return Localiser(trained.model, trained.engine, trained.mean, trained.scale)


def shifted(images: NDArray[np.float32], dx: int, dy: int) -> NDArray[np.float32]:
    """Images (N, H, W, C) moved by whole pixels, to the right and down; border pixels fill what comes in."""
    height, width = images.shape[1:3]
    rows = np.clip(np.arange(height) - dy, 0, height - 1)
    columns = np.clip(np.arange(width) - dx, 0, width - 1)
    return images[:, rows[:, None], columns]


def _augment(
    images: NDArray[np.float32], points: NDArray[np.float32], random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    moved, points = move(images, points, random)
    return change_appearance(moved, random), points
