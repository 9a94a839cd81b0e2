"""An estimator of labels from images: the downstream task."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Event, Lock
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from simgan.engines.automatic import open_engine
from simgan.engines.parallel import at_once
from simgan.engines.protocol import Array, Engine
from simgan.tasks.networks import Network, small_network
from simgan.tasks.task import smooth_l1

Augment = Callable[
    [NDArray[np.float32], NDArray[np.float32], np.random.Generator], tuple[NDArray[np.float32], NDArray[np.float32]]
]
"""Maps images (B, H, W, C) and targets (B, ...) to augmented ones, with the given random generator."""
Loss = Callable[[Any, Any], Any]
"""Maps outputs and targets, both (B, K) or maps (B, ..., h, w), to a scalar."""

_AT_ONCE = 4096  # images on the device at once
_MICRO_BATCH = 256  # images that go through the network at once


class _Loss(NamedTuple):
    total: Any


@dataclass(frozen=True)
class Estimator:
    """Predicts targets, (N, K) or maps (N, ..., h, w), from images (N, H, W, C) in [-1, 1].

    In Keras's inference mode: images do not mix.
    """

    model: keras.Model
    engine: Engine
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Outputs of the network for each image, in the units of the targets in training."""
        engine = self.engine
        parts = (images[start : start + _AT_ONCE] for start in range(0, len(images), _AT_ONCE))
        found = [engine.to_numpy(engine.infer(self.model, engine.to_device(part))) for part in parts]
        return np.concatenate(found) * self.scale + self.mean


@dataclass(frozen=True)
class Training:
    """What an estimator is trained on, and how.

    Adam with a cosine schedule, in Keras's training mode: batch normalisation takes its statistics over the whole
    batch, dropout is active, and regularisers and constraints of the network hold, as in Keras's own `fit`. Two
    trainings with the same seed differ only by their images and targets.
    """

    images: NDArray[np.float32]
    """(N, H, W, C) in [-1, 1]."""
    targets: NDArray[Any]
    """(N, K), or maps (N, ..., h, w)."""
    rows: NDArray[np.int64] | None = None
    """Indices of the images that are trained on; None: all."""
    network: Network = small_network
    """Builds the network."""
    outputs: int | None = None
    """Outputs of the network; None: as many as numbers in a target."""
    loss: Loss = smooth_l1
    """Loss of a batch."""
    standardised: bool = True
    """Whether targets are standardised to mean 0 and deviation 1 for the loss."""
    steps: int = 600
    """Number of updates."""
    batch_size: int = 64
    """Images in an update."""
    learning_rate: float = 1e-3
    """Learning rate of the first update; it falls to 0 along a cosine."""
    seed: int = 0
    """Seed of weights, order and augmentation."""
    augment: Augment | None = None
    """Augments the images of a batch together with their targets."""


def train_estimators(
    trainings: Sequence[Training], on_progress: Callable[[int, int], None] = lambda done, total: None
) -> list[Estimator]:
    """Trains an estimator for each training, several at once on a CPU with several cores.

    Args:
        trainings: what to train.
        on_progress: called with the number of updates done and of all; from several threads, but never by two at once.
    """
    prepared = [_Prepared(training) for training in trainings]
    total, done, lock = sum(training.steps for training in trainings), 0, Lock()

    def count_step() -> None:
        nonlocal done
        with lock:
            done += 1
            on_progress(done, total)

    # Random layers draw from a generator that all threads share, so a training with such layers runs alone.
    together = [one for one in prepared if not one.is_random]
    for group in (together, *([one] for one in prepared if one.is_random)):
        at_once([partial(one.train, count_step) for one in group])
    return [one.estimator for one in prepared]


class _Prepared:
    """An estimator with its first weights, and how it is trained."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._targets = training.targets
        self._rows = np.arange(len(self._targets)) if training.rows is None else training.rows
        mean, scale = np.zeros(1, np.float32), np.ones(1, np.float32)
        if training.standardised:
            seen = self._targets[self._rows].astype(np.float32)
            mean, scale = seen.mean(axis=0), seen.std(axis=0) + 1e-6
        keras.utils.set_random_seed(training.seed)
        # A batch goes through the network as a whole, because batch normalisation takes statistics over its images.
        engine = open_engine(micro_batch=max(_MICRO_BATCH, training.batch_size), compiled=False)
        height, width, channels = training.images.shape[1:]
        model = training.network(height, width, channels, training.outputs or self._targets.shape[1])
        rate = keras.optimizers.schedules.CosineDecay(training.learning_rate, training.steps)
        self._update = _updater(engine, model, training.loss, rate)
        self.estimator = Estimator(model, engine, mean, scale)
        self.is_random = len(model.variables) > len(model.weights)  # the states of random generators are no weights
        """Whether the network has layers that draw random numbers, such as dropout."""

    def train(self, count_step: Callable[[], None], cancelled: Event) -> None:
        """Makes all updates; stops early once `cancelled` is set."""
        training, estimator, random = self._training, self.estimator, np.random.default_rng(self._training.seed)
        if self.is_random:  # other trainings have drawn numbers since the network was built
            keras.utils.set_random_seed(training.seed)
        for _ in range(training.steps):
            if cancelled.is_set():
                return
            chosen = self._rows[random.integers(len(self._rows), size=training.batch_size)]
            images, targets = training.images[chosen], self._targets[chosen].astype(np.float32)
            if training.augment is not None:
                images, targets = training.augment(images, targets, random)
            wanted = (targets - estimator.mean) / estimator.scale
            self._update(estimator.engine.to_device(images), estimator.engine.to_device(wanted))
            count_step()


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
