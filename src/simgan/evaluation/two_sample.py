"""Classifier two-sample test: can a fresh network tell two sets of images apart?

Lopez-Paz and Oquab, Revisiting Classifier Two-Sample Tests, ICLR 2017. Here cross-validated, so that every image is
judged by a network that did not train on it.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray
from scipy.stats import binomtest

from simgan.evaluation.estimator import Estimator, Training
from simgan.evaluation.results import Interval
from simgan.tasks.task import Classification

_FOLDS = 3
_TASK = Classification((0, 1))


class TwoSampleTest:
    """Can a small CNN tell two sets of images apart? Its networks are trained elsewhere, with those of other tests.

    Args:
        one: (N, H, W, C) in [-1, 1].
        other: (M, H, W, C). From the larger set as many images are drawn as the smaller set has.
        steps: training steps of each of the three networks.
        patch: side in px of a square that is cut from each image at a random place, so that the
            networks see texture and not framing; None: whole images.
        seed: seed of draws, folds and networks.
    """

    def __init__(
        self,
        one: NDArray[np.float32],
        other: NDArray[np.float32],
        *,
        steps: int = 400,
        patch: int | None = None,
        seed: int = 0,
    ) -> None:
        random = np.random.default_rng(seed)
        count = min(len(one), len(other))
        images = np.concatenate([whole[random.permutation(len(whole))[:count]] for whole in (one, other)])
        self._images = images if patch is None else _cut(images, patch, random)
        self._belongs = np.repeat([0, 1], count)
        # Image i of either set goes to the same fold, so each fold has as many images of one set as of the other.
        self._folds = np.tile(random.permutation(count) % _FOLDS, 2)
        self.trainings = [
            Training(
                self._images,
                _TASK.targets(self._belongs),
                rows=np.flatnonzero(self._folds != fold),
                network=_small_classifier,
                loss=_TASK.loss,
                standardised=False,
                steps=steps,
                seed=seed * _FOLDS + fold,
            )
            for fold in range(_FOLDS)
        ]
        """The trainings of the networks, one for each fold; none sees the images of its fold."""

    def accuracy(self, networks: Sequence[Estimator]) -> Interval:
        """Share of images that the network of their fold assigns to the right set; 0.5 is guessing.

        Args:
            networks: what `trainings` gave, in order.

        Returns:
            The accuracy over all images, with its 95 % interval by Clopper and Pearson.
        """
        wrong = 0
        for fold, network in enumerate(networks):
            held_out = self._folds == fold
            wrong += int(_TASK.errors(network(self._images[held_out]), self._belongs[held_out]).sum())
        count = len(self._images)
        limits = binomtest(count - wrong, count).proportion_ci(0.95, method="exact")
        return Interval(estimate=1 - wrong / count, low=float(limits.low), high=float(limits.high))


def _cut(images: NDArray[np.float32], patch: int, random: np.random.Generator) -> NDArray[np.float32]:
    """Cuts one random square from each image: (N, H, W, C) -> (N, patch, patch, C)."""
    height, width = images.shape[1:3]
    side = min(patch, height, width)
    top = random.integers(height - side + 1, size=len(images))[:, None] + np.arange(side)  # (N, patch)
    left = random.integers(width - side + 1, size=len(images))[:, None] + np.arange(side)
    return images[np.arange(len(images))[:, None, None], top[:, :, None], left[:, None, :]]


def _small_classifier(height: int, width: int, channels: int, outputs: int) -> keras.Model:
    """C3-16, C3-32 s2, C3-64 s2, mean over the image, FC-2. The first layer sees the texture at full resolution."""
    kind: dict[str, Any] = {"padding": "same", "activation": "relu", "data_format": "channels_first"}
    images = keras.Input((height, width, channels), name="images")
    features = layers.Permute((3, 1, 2))(images)  # (B, C, H, W)
    features = layers.Conv2D(16, 3, **kind)(features)
    features = layers.Conv2D(32, 3, strides=2, **kind)(features)
    features = layers.Conv2D(64, 3, strides=2, **kind)(features)  # (B, 64, H/4, W/4)
    features = layers.GlobalAveragePooling2D(data_format="channels_first")(features)
    return keras.Model(images, layers.Dense(outputs)(features), name="classifier")
