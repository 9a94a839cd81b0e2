"""Label drift: how far refining moved what a label points at."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.evaluation.estimator import Estimator


@dataclass(frozen=True)
class Drift:
    """Distances in pixels between what a localiser reads before and after refining."""

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


def label_drift(localiser: Estimator, synthetic: NDArray[Any], refined: NDArray[Any]) -> Drift:
    """Reads both versions of each image and measures how far the point moved.

    Args:
        localiser: reads points (N, 2) in px; trained on synthetic images only.
        synthetic: (N, H, W, C) in [-1, 1].
        refined: the same images refined.
    """
    return Drift(np.linalg.norm(localiser(refined).astype(np.float64) - localiser(synthetic), axis=-1))
