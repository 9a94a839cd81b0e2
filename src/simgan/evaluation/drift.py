"""Label drift: how far refining moved what a label points at."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.evaluation.estimator import Estimator
from simgan.evaluation.localiser import train_localiser
from simgan.images import ImageSource, common_size, read_all


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

    def __str__(self) -> str:
        return f"{self.mean:.2f} px mean, {self.p95:.2f} px at the 95th percentile, {self.worst:.2f} px at worst"


def drift_of_data_set(
    synthetic: ImageSource,
    refined: ImageSource,
    points: str,
    *,
    steps: int = 1200,
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Drift, float]:
    """Drift of a label of points on a fifth of a data set, by a localiser that learnt from the rest.

    Args:
        synthetic: images of one size, with the label; read into memory.
        refined: the same images refined, in the same order.
        points: name of the label, (N, 2) px.
        steps: training steps of the localiser.
        seed: of the split and of the localiser.
        on_progress: called with the steps done and their number.

    Returns:
        The drift, and the localiser's own mean error on the unrefined images of that fifth, px.

    Raises:
        DataError: the sets do not fit together, or the label is missing or no points.
    """
    labels = synthetic.labels(points)
    height, width = common_size(synthetic)
    if labels.ndim != 2 or labels.shape[1] != 2 or not _on_image(labels, height, width):
        raise DataError(
            f"points: expected a label of (x, y) in pixels for each image, received {points!r} {labels.shape}; "
            f"choose another of {', '.join(synthetic.label_names)}."
        )
    if (
        list(synthetic.names) != list(refined.names)
        or common_size(refined) != (height, width)
        or not np.array_equal(labels, refined.labels(points))
    ):
        raise DataError(
            f"refined: expected the images of {synthetic.path}, received others in {refined.path}; give what "
            "'simgan refine' made of them."
        )
    x, refined_x = read_all(synthetic), read_all(refined)
    shuffled = np.random.default_rng(seed).permutation(len(x))
    held_out, seen = np.split(shuffled, [len(x) // 5])
    localiser = train_localiser(x[seen], labels[seen], steps=steps, seed=seed, on_progress=on_progress)
    error = own_error(localiser, x[held_out], labels[held_out])
    return label_drift(localiser, x[held_out], refined_x[held_out]), error


def own_error(localiser: Estimator, synthetic: NDArray[Any], points: NDArray[Any]) -> float:
    """Mean distance, px, of what a localiser reads in unrefined images (N, H, W, C) from their points (N, 2)."""
    return float(np.linalg.norm(localiser(synthetic) - points, axis=-1).mean())


def _on_image(points: NDArray[Any], height: int, width: int) -> bool:
    """Whether points (N, 2) can be pixels: mostly on the image, and spread over more than a corner of it."""
    on = (points >= -0.5).all(axis=1) & (points <= [width - 0.5, height - 0.5]).all(axis=1)
    return bool(on.mean() > 0.5 and points.max() > 2)


def label_drift(localiser: Estimator, synthetic: NDArray[Any], refined: NDArray[Any]) -> Drift:
    """Reads both versions of each image and measures how far the point moved.

    Args:
        localiser: reads points (N, 2) in px; trained on synthetic images only.
        synthetic: (N, H, W, C) in [-1, 1].
        refined: the same images refined.
    """
    return Drift(np.linalg.norm(localiser(refined).astype(np.float64) - localiser(synthetic), axis=-1))
