"""Bootstrap intervals of scores that vary over seeds and test images.

Percentile intervals: Efron and Tibshirani, An Introduction to the Bootstrap, 1993. Seeds and test images are resampled
independently of each other, so that the interval holds for other seeds and for other test images (the crossed
'pigeonhole' bootstrap of Owen, Annals of Applied Statistics 2007).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simgan.evaluation.results import Interval

_RESAMPLES = 4000
_AT_ONCE = 100  # resamples computed at once: each needs a count for every test image in memory


def resampled_means(
    errors: Sequence[NDArray[np.float64]], *, resamples: int = _RESAMPLES, seed: int = 0
) -> list[NDArray[np.float64]]:
    """Means of several scores over resampled seeds and test images; all scores use the same resamples (paired).

    Args:
        errors: one array (seeds, images) for each score.

    Returns:
        The resampled means of each score, (resamples,).
    """
    random = np.random.default_rng(seed)
    seeds, images = errors[0].shape
    seed_counts = random.multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples) / seeds
    means = np.empty((len(errors), resamples))
    for start in range(0, resamples, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        counts = random.multinomial(images, np.full(images, 1 / images), size=len(means[0, part])) / images
        for mean, error in zip(means, errors, strict=True):
            mean[part] = ((seed_counts[part] @ error) * counts).sum(axis=1)
    return list(means)


def interval(estimate: float, resampled: NDArray[np.float64]) -> Interval:
    """The estimate with the interval that holds the middle 95 % of `resampled`."""
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Interval(estimate=float(estimate), low=float(low), high=float(high))
