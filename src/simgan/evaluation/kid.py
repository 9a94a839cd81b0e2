"""Kernel Inception distance, on any features.

Binkowski, Sutherland, Arbel, Gretton, Demystifying MMD GANs, ICLR 2018: the unbiased estimate of the squared maximum
mean discrepancy with the kernel k(a, b) = (a.b / F + 1)^3.
"""

import numpy as np
from numpy.typing import NDArray

from simgan.evaluation.bootstrap import interval
from simgan.evaluation.results import Interval

_SUBSETS, _SUBSET = 100, 400


def kid(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Unbiased squared MMD of features (N, F) and (M, F), N and M >= 2. Near 0, at times below 0, for equal sets."""
    x, y = np.asarray(one, np.float64), np.asarray(other, np.float64)
    n, m = len(x), len(y)
    within = (_kernel_sum(x, x) - _diagonal(x)) / (n * (n - 1)) + (_kernel_sum(y, y) - _diagonal(y)) / (m * (m - 1))
    return float(within - 2 * _kernel_sum(x, y) / (n * m))


def kid_interval(one: NDArray[np.floating], other: NDArray[np.floating], *, seed: int = 0) -> Interval:
    """KID with a 95 % interval: the spread over random subsets without replacement, scaled to the full sets.

    Subsets of n of N images vary sqrt(N / n - 1) times as much as all N would (Politis and Romano, Annals of
    Statistics 1994, with the correction for a finite population).
    """
    random = np.random.default_rng(seed)
    smaller = min(len(one), len(other))
    size = max(2, min(_SUBSET, smaller // 2))
    values = np.array(
        [
            kid(one[random.permutation(len(one))[:size]], other[random.permutation(len(other))[:size]])
            for _ in range(_SUBSETS)
        ]
    )
    estimate = kid(one, other)
    return interval(estimate, estimate + (values - values.mean()) * np.sqrt(size / (smaller - size)))


def _kernel_sum(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    rows = 1024  # computed at once: the kernel of two large sets does not fit into memory
    parts = (x[start : start + rows] for start in range(0, len(x), rows))
    return float(sum(((part @ y.T / x.shape[1] + 1) ** 3).sum() for part in parts))


def _diagonal(x: NDArray[np.float64]) -> float:
    return float((((x**2).sum(axis=1) / x.shape[1] + 1) ** 3).sum())
