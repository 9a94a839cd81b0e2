"""Measures whether labels of refined images are still true, by networks that the training of R did not use."""

import numpy as np
from numpy.typing import NDArray

from benchmarks.benchmarks_sets import Images, Scorer
from benchmarks.jobs import Record
from simgan.evaluation import Labelled, drift_of_points
from simgan.framing.displacement import displacement

_HELD_OUT = 5  # a fifth of the synthetic images
_LONGER = 2  # the judge and the localiser train for this many times the steps of an estimator


def share_flipped(
    synthetic: Images, refined: Images, labels: NDArray[np.generic], target: Labelled, scorer: Scorer
) -> Record:
    """The share of refined images in which an independent judge reads another class than their label.

    The judge has the network of the estimators. It learns from the labelled images of the target and, equally often,
    from four fifths of the synthetic images; then it reads the refined versions of the last fifth. So it has learnt
    both appearances, but has seen neither these images nor refined ones. Its own error is the share that it reads
    wrongly of the same images unrefined, and of the test images.

    Args:
        synthetic: (N, H, W, C) in [-1, 1].
        refined: the same images refined.
        labels: (N,), classes.
        target: real images for training, with their classes.
        scorer: how estimators are trained, and the test images.
    """
    task = scorer.task
    shuffled = np.random.default_rng(scorer.seed).permutation(len(synthetic))
    held_out, seen = np.split(shuffled, [max(1, len(synthetic) // _HELD_OUT)])
    images = np.concatenate([target.images, synthetic[seen]])
    targets = task.targets(np.concatenate([target.labels, labels[seen]]))
    each = max(len(target.images), len(seen))
    rows = np.concatenate(
        [np.resize(np.arange(len(target.images)), each), len(target.images) + np.resize(np.arange(len(seen)), each)]
    )
    judge = scorer.train(images, targets, rows=rows, steps=_LONGER * scorer.steps)

    def wrong(read: Images, classes: NDArray[np.generic]) -> float:
        return float(task.errors(judge(read), classes).mean())

    return {
        "flipped": wrong(refined[held_out], labels[held_out]),
        "own_error": wrong(synthetic[held_out], labels[held_out]),
        "own_error_on_test": wrong(*scorer.test),
        "images": len(held_out),
    }


def drift_and_flow(
    synthetic: Images, refined: Images, points: NDArray[np.float64], budget: float | None, scorer: Scorer
) -> Record:
    """How far refining moved labelled points and all content, px. The record also has the drift budget."""
    places, steps = points.reshape(len(points), -1, 2), _LONGER * scorer.steps
    read = drift_of_points(synthetic, refined, places, steps=steps, seed=scorer.seed)
    return {
        "points": read.drift.mean,
        "points_p95": read.drift.p95,
        "own_error": read.own_error,
        "flow": float(displacement(synthetic, refined).mean()),
        "budget": budget,
        "images": len(read.held_out),
    }
