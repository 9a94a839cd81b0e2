"""Label drift: how far refining moved what a label points at."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.evaluation.estimator import Estimator
from simgan.evaluation.localiser import train_localiser
from simgan.evaluation.results import DriftResult

_BINS, _WORST = 20, 10


@dataclass(frozen=True)
class Drift:
    """Distances in pixels between where content was before and after refining."""

    each: NDArray[np.float64]
    """(N,)"""

    @property
    def mean(self) -> float:
        """Mean distance."""
        return float(self.each.mean())

    @property
    def p95(self) -> float:
        """95th percentile."""
        return float(np.percentile(self.each, 95))

    @property
    def worst(self) -> float:
        """Largest distance."""
        return float(self.each.max())

    def __str__(self) -> str:
        return f"{self.mean:.2f} px mean, {self.p95:.2f} px at the 95th percentile, {self.worst:.2f} px at worst"


@dataclass(frozen=True)
class PointDrift:
    """The drift that a localiser measured on images which it was not trained on."""

    drift: Drift
    own_error: float
    """Mean distance, px, between the points that it reads in unrefined images and the labelled points."""
    held_out: NDArray[np.int64]
    """Indices of those images, in the order of `drift.each`."""


def drift_of_points(
    synthetic: NDArray[np.float32],
    refined: NDArray[np.float32],
    points: NDArray[np.float64],
    *,
    steps: int = 1200,
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> PointDrift:
    """Drift of labelled points on a fifth of the images, by a localiser trained on the other synthetic images.

    Args:
        synthetic: (N, H, W, C) in [-1, 1].
        refined: the same images refined.
        points: (N, P, 2), px; see `as_points`.
        steps: training steps of the localiser.
        seed: seed of the split and of the localiser.
        on_progress: called with the number of steps done and of all.
    """
    shuffled = np.random.default_rng(seed).permutation(len(synthetic))
    held_out, seen = np.split(shuffled, [max(1, len(synthetic) // 5)])
    localiser = train_localiser(synthetic[seen], points[seen], steps=steps, seed=seed, on_progress=on_progress)
    return PointDrift(
        label_drift(localiser, synthetic[held_out], refined[held_out]),
        own_error(localiser, synthetic[held_out], points[held_out]),
        held_out,
    )


def own_error(localiser: Estimator, synthetic: NDArray[np.float32], points: NDArray[Any]) -> float:
    """Mean distance, px, of the points read in unrefined images (N, H, W, C) from the labelled points (N, P, 2)."""
    return float(_distances(localiser(synthetic), points.reshape(len(points), -1)).mean())


def label_drift(localiser: Estimator, synthetic: NDArray[np.float32], refined: NDArray[np.float32]) -> Drift:
    """Reads the points in both versions of each image; its drift is the mean distance over the points.

    Args:
        localiser: reads points (N, 2P) in px; trained on synthetic images only.
        synthetic: (N, H, W, C) in [-1, 1].
        refined: the same images refined.
    """
    return Drift(_distances(localiser(refined), localiser(synthetic)))


def drift_result(
    drift: Drift, names: list[str], measured_by: str, *, own_error: float | None = None, picture: str | None = None
) -> DriftResult:
    """The drift in the form that a run folder keeps. `names`: names of the images, in the order of `drift.each`."""
    counts, _ = np.histogram(drift.each, bins=_BINS, range=(0, max(drift.worst, 1e-9)))
    return DriftResult(
        measured_by=measured_by,
        mean=drift.mean,
        p95=drift.p95,
        worst=drift.worst,
        own_error=own_error,
        images=len(drift.each),
        histogram=tuple(int(count) for count in counts),
        worst_images=tuple((_printable(names[index]), float(drift.each[index])) for index in worst_first(drift)),
        picture=picture,
    )


def _printable(name: str) -> str:
    """`name` with bytes that are not UTF-8, which file names may hold, escaped."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def worst_first(drift: Drift) -> list[int]:
    """Indices of the ten images that drifted most, worst first."""
    return [int(index) for index in np.argsort(-drift.each, kind="stable")[:_WORST]]


def _distances(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.float64]:
    """Distances (N,) between points (N, 2P) and points (N, 2P): means over the P points."""
    difference = (one.astype(np.float64) - other).reshape(len(one), -1, 2)
    return np.asarray(np.linalg.norm(difference, axis=-1).mean(axis=1))
