"""Sliced Wasserstein distance between two sets of features.

Rabin, Peyre, Delon, Bernot, Wasserstein Barycenter and its Application to Texture Mixing, SSVM 2011; Bonneel et al.,
Sliced and Radon Wasserstein Barycenters of Measures, JMIV 2015.
"""

import numpy as np
from numpy.typing import NDArray

from simgan.evaluation.bootstrap import interval
from simgan.evaluation.results import Interval

_PROJECTIONS, _QUANTILES, _RESAMPLES = 256, 512, 100


def sliced_wasserstein(one: NDArray[np.floating], other: NDArray[np.floating], *, seed: int = 0) -> float:
    """Root mean square over random directions of the 2-Wasserstein distance of the projections.

    Args:
        one: (N, F).
        other: (M, F); the sets may differ in number: distances are between quantile functions.
        seed: seed of the directions.

    Returns:
        A distance in the units of the features, >= 0.
    """
    return _distance(*_projected(one, other, seed))


def sliced_wasserstein_interval(one: NDArray[np.floating], other: NDArray[np.floating], *, seed: int = 0) -> Interval:
    """The distance with a 95 % interval by bootstrap.

    Resampling alone adds distance, so the resampled distances are shifted until their mean is the estimate.
    """
    x, y = _projected(one, other, seed)
    random = np.random.default_rng(seed)

    def resampled(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values[random.integers(len(values), size=len(values))]

    values = np.array([_distance(resampled(x), resampled(y)) for _ in range(_RESAMPLES)])
    estimate = _distance(x, y)
    return interval(estimate, np.maximum(0.0, estimate + values - values.mean()))


def _projected(
    one: NDArray[np.floating], other: NDArray[np.floating], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Projections of both sets on random directions, (N, directions) and (M, directions)."""
    directions = np.random.default_rng(seed).normal(size=(one.shape[1], _PROJECTIONS))
    directions /= np.linalg.norm(directions, axis=0)
    return np.asarray(one, np.float64) @ directions, np.asarray(other, np.float64) @ directions


def _distance(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    if len(x) == len(y):
        return float(np.sqrt(np.mean((np.sort(x, axis=0) - np.sort(y, axis=0)) ** 2)))
    levels = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    return float(np.sqrt(np.mean((np.quantile(x, levels, axis=0) - np.quantile(y, levels, axis=0)) ** 2)))
