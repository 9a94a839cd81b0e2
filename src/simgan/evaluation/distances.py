"""How far synthetic and refined images are from real ones: KID, sliced Wasserstein distance, two-sample test."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from simgan.evaluation.estimator import train_estimators
from simgan.evaluation.features import FeatureExtractor
from simgan.evaluation.kid import kid_interval
from simgan.evaluation.results import Distance
from simgan.evaluation.sliced_wasserstein import sliced_wasserstein, sliced_wasserstein_interval
from simgan.evaluation.two_sample import TwoSampleTest

PATCH = 11
"""px: side of the square patches in which the two-sample test compares texture without framing."""
_SMALLEST = 4  # images that a set must have to be split and cross-validated


def distances(
    synthetic: NDArray[np.float32],
    refined: NDArray[np.float32],
    real: NDArray[np.float32],
    extractors: Mapping[str, FeatureExtractor],
    *,
    steps: int = 400,
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Distance, ...]:
    """KID and sliced Wasserstein on each kind of features, and the two-sample test on images and on patches.

    Args:
        synthetic: (N, H, W, C) in [-1, 1].
        refined: the same images refined.
        real: (M, H, W, C).
        extractors: feature extractors, by their names in the results.
        steps: training steps of each network of the two-sample test.
        seed: seed of all random draws.
        on_progress: called with the number of training steps done and of all.

    Returns:
        The distances; none if a set has fewer than 4 images.
    """
    if min(len(synthetic), len(real)) < _SMALLEST:
        return ()
    found = []
    for name, extract in extractors.items():
        x, x_refined, y = (extract(images) for images in (synthetic, refined, real))
        found.append(
            Distance(
                measure=f"KID, {name}",
                ideal=0.0,
                synthetic=kid_interval(x, y, seed=seed),
                refined=kid_interval(x_refined, y, seed=seed),
            )
        )
        halves = np.array_split(np.random.default_rng(seed).permutation(y), 2)
        found.append(
            Distance(
                measure=f"sliced Wasserstein, {name}",
                ideal=sliced_wasserstein(*halves, seed=seed),
                synthetic=sliced_wasserstein_interval(x, y, seed=seed),
                refined=sliced_wasserstein_interval(x_refined, y, seed=seed),
            )
        )
    kinds = {"images": None, f"{PATCH}x{PATCH} patches": PATCH}
    tests = [
        TwoSampleTest(images, real, steps=steps, patch=patch, seed=seed)
        for patch in kinds.values()
        for images in (synthetic, refined)
    ]
    trainings = [training for test in tests for training in test.trainings]
    networks = iter(train_estimators(trainings, on_progress))
    accuracies = iter([test.accuracy([next(networks) for _ in test.trainings]) for test in tests])
    found += [
        Distance(
            measure=f"told apart from real, {name}", ideal=0.5, synthetic=next(accuracies), refined=next(accuracies)
        )
        for name in kinds
    ]
    return tuple(found)
