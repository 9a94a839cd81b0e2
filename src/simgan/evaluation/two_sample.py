"""Classifier two-sample test: can a fresh network tell two sets of images apart?

Lopez-Paz and Oquab, Revisiting Classifier Two-Sample Tests, ICLR 2017. Here cross-validated, so that every image is
judged by a network that did not train on it.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray
from scipy.stats import binomtest

from simgan.evaluation.estimator import train_estimator
from simgan.evaluation.results import Interval
from simgan.evaluation.tasks import Classification

_FOLDS = 3
_BATCH = 64


def two_sample_accuracy(
    one: NDArray[np.float32],
    other: NDArray[np.float32],
    *,
    steps: int = 400,
    patch: int | None = None,
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Interval:
    """Share of held-out images that a small CNN assigns to the right set; 0.5 is guessing.

    Args:
        one: (N, H, W, C) in [-1, 1].
        other: (M, H, W, C). From the larger set as many images are drawn as the smaller set has.
        steps: training steps of each of the three networks.
        patch: side in px of a square that is cut from each image at a random place, so that the
            networks see texture and not framing; None: whole images.
        seed: seed of draws, folds and networks.
        on_progress: called with the number of steps done and of all.

    Returns:
        The accuracy over all images, with its 95 % interval by Clopper and Pearson.
    """
    random = np.random.default_rng(seed)
    count = min(len(one), len(other))
    images = np.concatenate([whole[random.permutation(len(whole))[:count]] for whole in (one, other)])
    if patch is not None:
        images = _cut(images, patch, random)
    belongs = np.repeat([0, 1], count)
    # Image i of either set goes to the same fold, so each fold has as many images of one set as of the other.
    folds = np.tile(random.permutation(count) % _FOLDS, 2)
    task, wrong = Classification((0, 1)), 0
    for fold in range(_FOLDS):
        seen = folds != fold
        classifier = train_estimator(
            images[seen],
            task.targets(belongs[seen]),
            network=_small_classifier,
            loss=task.loss,
            standardised=False,
            steps=steps,
            batch_size=_BATCH,
            seed=seed * _FOLDS + fold,
            on_progress=lambda step, _, fold=fold: on_progress(fold * steps + step, _FOLDS * steps),  # type: ignore[misc]
        )
        wrong += int(task.errors(classifier(images[~seen]), belongs[~seen]).sum())
    right = 2 * count - wrong
    limits = binomtest(right, 2 * count).proportion_ci(0.95, method="exact")
    return Interval(estimate=right / (2 * count), low=float(limits.low), high=float(limits.high))


def _cut(images: NDArray[np.float32], patch: int, random: np.random.Generator) -> NDArray[np.float32]:
    """Cuts one random square from each image: (N, H, W, C) -> (N, patch, patch, C)."""
    height, width = images.shape[1:3]
    side = min(patch, height, width)
    top = random.integers(height - side + 1, size=len(images))[:, None] + np.arange(side)  # (N, patch)
    left = random.integers(width - side + 1, size=len(images))[:, None] + np.arange(side)
    return images[np.arange(len(images))[:, None, None], top[:, :, None], left[:, None, :]]


def _small_classifier(height: int, width: int, channels: int, outputs: int, dtype: str) -> keras.Model:
    """C3-32, C3-64 s2, C3-64 s2, mean over the image, FC-2."""
    kind: dict[str, Any] = {"padding": "same", "activation": "relu", "data_format": "channels_first", "dtype": dtype}
    images = keras.Input((height, width, channels), name="images")
    features = layers.Permute((3, 1, 2), dtype=dtype)(images)  # (B, C, H, W)
    features = layers.Conv2D(32, 3, **kind)(features)
    features = layers.Conv2D(64, 3, strides=2, **kind)(features)
    features = layers.Conv2D(64, 3, strides=2, **kind)(features)  # (B, 64, H/4, W/4)
    features = layers.GlobalAveragePooling2D(data_format="channels_first", dtype=dtype)(features)
    return keras.Model(images, layers.Dense(outputs, dtype="float32")(features), name="classifier")
