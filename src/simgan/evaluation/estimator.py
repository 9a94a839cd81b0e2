"""An estimator of labels from images: the downstream task."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from simgan.engines.automatic import dtype_policy, open_engine
from simgan.engines.protocol import Array, Engine
from simgan.evaluation.networks import Network, small_network
from simgan.evaluation.tasks import smooth_l1

Augment = Callable[
    [NDArray[np.float32], NDArray[np.float32], np.random.Generator], tuple[NDArray[np.float32], NDArray[np.float32]]
]
"""Maps images (B, H, W, C) and targets (B, K) to augmented ones, with the given random generator."""
Loss = Callable[[Any, Any], Any]
"""Maps outputs and targets, both (B, K), to a scalar."""

_AT_ONCE = 4096  # images on the device at once
_MICRO_BATCH = 256  # images that go through the network at once


class _Loss(NamedTuple):
    total: Any


@dataclass(frozen=True)
class Estimator:
    """Predicts targets (N, K) from images (N, H, W, C) in [-1, 1], in Keras's inference mode: images do not mix."""

    model: keras.Model
    engine: Engine
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Targets (N, K), in the units of the targets in training."""
        engine = self.engine
        parts = (images[start : start + _AT_ONCE] for start in range(0, len(images), _AT_ONCE))
        found = [engine.to_numpy(engine.infer(self.model, engine.to_device(part))) for part in parts]
        return np.concatenate(found) * self.scale + self.mean


def train_estimator(
    images: NDArray[np.float32],
    targets: NDArray[Any],
    *,
    network: Network = small_network,
    loss: Loss = smooth_l1,
    standardised: bool = True,
    steps: int = 1200,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    seed: int = 0,
    augment: Augment | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Estimator:
    """Trains an estimator with Adam and a cosine schedule, in Keras's training mode.

    Batch normalisation takes its statistics over the whole batch, dropout is active, and regularisers and constraints
    of the network hold, as in Keras's own `fit`.

    Args:
        images: (N, H, W, C) in [-1, 1].
        targets: (N, K).
        network: builds the network.
        loss: loss of a batch.
        standardised: whether targets are standardised to mean 0 and deviation 1 for the loss.
        steps: number of updates.
        batch_size: images in an update.
        learning_rate: learning rate of the first update; it falls to 0 along a cosine.
        seed: seed of weights and order: two trainings with the same seed differ only by their images.
        augment: augments the images of a batch together with their targets.
        on_progress: called with the number of steps done and of all.
    """
    # A batch goes through the network as a whole, because batch normalisation takes statistics over its images.
    engine = open_engine(micro_batch=max(_MICRO_BATCH, batch_size), compiled=False)
    keras.utils.set_random_seed(seed)
    random = np.random.default_rng(seed)
    height, width, channels = images.shape[1:]
    targets = targets.astype(np.float32)
    model = network(height, width, channels, targets.shape[1], dtype_policy("auto"))
    mean, scale = np.zeros(1, np.float32), np.ones(1, np.float32)
    if standardised:
        mean, scale = targets.mean(axis=0), targets.std(axis=0) + 1e-6
    update = _updater(engine, model, loss, keras.optimizers.schedules.CosineDecay(learning_rate, steps))
    for step in range(steps):
        chosen = random.integers(len(images), size=batch_size)
        batch, wanted = images[chosen], targets[chosen]
        if augment is not None:
            batch, wanted = augment(batch, wanted, random)
        update(engine.to_device(batch), engine.to_device((wanted - mean) / scale))
        on_progress(step + 1, steps)
    return Estimator(model, engine, mean, scale)


def _updater(engine: Engine, model: keras.Model, loss: Loss, learning_rate: Any) -> Callable[[Array, Array], None]:
    """A function of a batch of images and its targets that updates the model once, as Keras's `fit` would."""
    optimiser = keras.optimizers.Adam(learning_rate)
    optimiser.build(model.trainable_variables)
    constrained = [variable for variable in model.trainable_variables if variable.constraint is not None]
    engine.network(model)  # gives the layers of the model their fastest form

    def of_batch(images: Array, targets: Array) -> _Loss:
        total = loss(model(images, training=True), targets)
        return _Loss(sum(model.losses, start=total))  # with the penalties of the layers' regularisers

    minimise = engine.minimiser(of_batch, model.trainable_variables, optimiser)

    def update(images: Array, targets: Array) -> None:
        minimise((images, targets))
        for variable in constrained:
            variable.assign(variable.constraint(variable))

    return update
