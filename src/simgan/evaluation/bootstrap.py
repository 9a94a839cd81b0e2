"""Bootstrap intervals of scores that vary over seeds and test images.

Percentile intervals: Efron and Tibshirani, An Introduction to the Bootstrap, 1993. Seeds and test images are resampled
independently of each other, so that the interval holds for other seeds and for other test images (the crossed
'pigeonhole' bootstrap of Owen, Annals of Applied Statistics 2007).

A resample is a count for each image: how often it was drawn. Errors that are no means over images, such as 1 - mIoU,
are computed anew in each resample, from what the drawn images contribute.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from simgan.evaluation.results import Interval
from simgan.tasks.task import ErrorOfSet, mean_over_images

_RESAMPLES = 4000
_AT_ONCE = 100  # resamples computed at once: each needs a count for every test image in memory


def resampled_means(
    errors: Sequence[NDArray[np.float64]],
    of_set: Callable[[NDArray[np.float64]], ErrorOfSet] = mean_over_images,
    *,
    resamples: int = _RESAMPLES,
    seed: int = 0,
) -> list[NDArray[np.float64]]:
    """Means over resampled seeds of several errors on resampled images; all errors use the same resamples (paired).

    Args:
        errors: for each error one array (seeds, images, ...).
        of_set: makes the error of a set of images from what each image contributes, (images, ...), as
            `Task.error_of_set` does.

    Returns:
        The resampled means of each error, (resamples,). NaN where the images that were drawn define no error.
    """
    random = np.random.default_rng(seed)
    seeds, images = errors[0].shape[:2]
    of_seeds = [[of_set(of_seed) for of_seed in error] for error in errors]
    seed_counts = random.multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples) / seeds
    means = np.empty((len(errors), resamples))
    for start in range(0, resamples, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        counts = random.multinomial(images, np.full(images, 1 / images), size=len(means[0, part])).astype(np.float64)
        for mean, error_of in zip(means, of_seeds, strict=True):
            mean[part] = sum(of_seed(counts) * seed_counts[part, one] for one, of_seed in enumerate(error_of))
    return list(means)


def interval(estimate: float, resampled: NDArray[np.float64]) -> Interval:
    """The estimate with the interval that holds the middle 95 % of `resampled`, without its NaN."""
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    return Interval(estimate=float(estimate), low=float(low), high=float(high))
