"""A small convolutional estimator of vectors (gaze, a point) from images: the downstream task."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from simgan.device import dtype_policy, open_engine
from simgan.engine import Engine

Augment = Callable[
    [NDArray[np.float32], NDArray[np.float32], np.random.Generator], tuple[NDArray[np.float32], NDArray[np.float32]]
]
"""Images (B, H, W, C) and labels (B, K) to changed ones."""


_AT_ONCE = 4096  # images on the device at once


class _Loss(NamedTuple):
    total: Any


@dataclass(frozen=True)
class Estimator:
    """Predicts vectors (N, K) from images (N, H, W, C) in [-1, 1]."""

    model: keras.Model
    engine: Engine
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors (N, K), in the units of the labels that it was trained on."""
        engine = self.engine
        parts = (images[start : start + _AT_ONCE] for start in range(0, len(images), _AT_ONCE))
        found = [engine.to_numpy(engine.infer(self.model, engine.to_device(part))) for part in parts]
        return np.concatenate(found) * self.scale + self.mean


def estimator_model(height: int, width: int, channels: int, outputs: int, dtype: str = "float32") -> keras.Model:
    """C3-32 s2, C3-64, max-pool 2, C3-80, max-pool 2, C3-96, FC-256, FC-`outputs`; ReLU between.

    A scaled-down form of the paper's gaze estimator (C32 C32 C64 pool C80 C192 pool FC9600 FC1000 FC3) that two cores
    train in under a minute.

    Returns:
        A model (B, H, W, C) -> (B, outputs), float32.
    """
    kind: dict[str, Any] = {"data_format": "channels_first", "dtype": dtype}
    images = keras.Input((height, width, channels), name="images")
    features = layers.Permute((3, 1, 2), dtype=dtype)(images)  # (B, C, H, W)
    features = layers.Conv2D(32, 3, strides=2, padding="same", activation="relu", **kind)(features)
    features = layers.Conv2D(64, 3, padding="same", activation="relu", **kind)(features)
    features = layers.MaxPooling2D(2, **kind)(features)  # (B, 64, H/4, W/4)
    features = layers.Conv2D(80, 3, padding="same", activation="relu", **kind)(features)
    features = layers.MaxPooling2D(2, **kind)(features)  # (B, 80, H/8, W/8)
    features = layers.Conv2D(96, 3, padding="same", activation="relu", **kind)(features)
    features = layers.Flatten(data_format="channels_first", dtype=dtype)(features)
    features = layers.Dense(256, activation="relu", dtype=dtype)(features)
    return keras.Model(images, layers.Dense(outputs, dtype="float32")(features), name="estimator")


def train_estimator(
    images: NDArray[np.float32],
    labels: NDArray[Any],
    *,
    steps: int = 1200,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    seed: int = 0,
    augment: Augment | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Estimator:
    """Trains an estimator with the smooth L1 loss on standardised labels, Adam and a cosine schedule.

    Args:
        images: (N, H, W, C) in [-1, 1].
        labels: (N, K).
        steps: updates.
        batch_size: images an update.
        learning_rate: of the first update; falls to 0 along a cosine.
        seed: of weights and order: two trainings with one seed differ by their images alone.
        augment: changes the images, and the labels with them, of a batch.
        on_progress: called with the steps done and their number.
    """
    engine = open_engine(micro_batch=256, compiled=False)
    keras.utils.set_random_seed(seed)
    random = np.random.default_rng(seed)
    height, width, channels = images.shape[1:]
    model = estimator_model(height, width, channels, labels.shape[1], dtype=dtype_policy("auto"))
    optimiser = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps))
    optimiser.build(model.trainable_variables)
    mean, scale = labels.mean(axis=0, dtype=np.float32), labels.std(axis=0, dtype=np.float32) + 1e-6
    labels = labels.astype(np.float32)
    network = engine.network(model)

    def loss(x: Any, target: Any) -> _Loss:
        error = ops.abs(network(x) - target)
        return _Loss(ops.mean(ops.where(error < 1.0, 0.5 * error**2, error - 0.5)))

    update = engine.minimiser(loss, model.trainable_variables, optimiser)
    for step in range(steps):
        chosen = random.integers(len(images), size=batch_size)
        batch, targets = images[chosen], labels[chosen]
        if augment is not None:
            batch, targets = augment(batch, targets, random)
        update((engine.to_device(batch), engine.to_device((targets - mean) / scale)))
        on_progress(step + 1, steps)
    return Estimator(model, engine, mean, scale)
