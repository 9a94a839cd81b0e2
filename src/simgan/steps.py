"""The update steps of SimGAN: one function for each network.

Symbols are the paper's: R refines a synthetic image x to x~; D tells x~ from a real image y.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from simgan.config import OptimiserConfig, TrainConfig
from simgan.engine import Engine, dtype_policy
from simgan.history import HistoryBuffer
from simgan.losses import PatchClass, local_adversarial_loss, patch_labels, self_regularisation_loss
from simgan.models import discriminator_model, refiner_model

Batch = NDArray[np.float32]  # (B, H, W, C) in [-1, 1]


@dataclass
class TrainState:
    """Everything that training changes."""

    refiner: keras.Model
    averaged_refiner: keras.Model
    """Running average of R over the adversarial phase: the result of training."""
    discriminator: keras.Model
    refiner_optimiser: keras.optimizers.Optimizer
    discriminator_optimiser: keras.optimizers.Optimizer
    history: HistoryBuffer
    random: np.random.Generator
    """Of the places of D's window."""


class RefinerLosses(NamedTuple):
    """Scalars of one update of R."""

    total: Any
    adversarial: Any
    self_regularisation: Any
    change: Any
    """Mean |x~ - x|, in units of the [-1, 1] range."""


class DiscriminatorLosses(NamedTuple):
    """Scalars of one update of D; accuracies are shares of patches, 0.5 is chance."""

    total: Any
    real_accuracy: Any
    refined_accuracy: Any


def new_state(config: TrainConfig, size: tuple[int, int], channels: int) -> TrainState:
    """Fresh networks, optimisers and an empty history for images of `size` (H, W); weights follow `config.seed`."""
    keras.utils.set_random_seed(config.seed)
    dtype = dtype_policy(config.precision)
    refiner, averaged = (
        refiner_model(None, None, channels, data_format="channels_first", dtype=dtype, **dict(config.refiner))
        for _ in range(2)
    )
    height, width = (side - 2 * config.jitter for side in size)
    discriminator = discriminator_model(
        width, height, channels, data_format="channels_first", dtype=dtype, **dict(config.discriminator)
    )
    history = HistoryBuffer(config.history_size, (*size, channels), seed=2 * config.seed)
    return TrainState(
        refiner,
        averaged,
        discriminator,
        _optimiser(config.refiner_optimiser, refiner),
        _optimiser(config.discriminator_optimiser, discriminator),
        history,
        np.random.default_rng(2 * config.seed + 1),
    )


def update_refiner(
    engine: Engine, state: TrainState, config: TrainConfig, synthetic: Batch, *, adversarial: bool = True
) -> RefinerLosses:
    """One update of R on synthetic images x: equation 4, or its self-regularisation term alone.

    L_R = l_real(x~) + lambda * |psi(x~) - psi(x)|_1, where l_real (equation 3) is small when D takes x~ for real.
    """
    window = _Window.draw(state.random, config.jitter)

    def loss(x: Any) -> RefinerLosses:
        refined = state.refiner(x, training=True)
        l_reg = ops.mean(self_regularisation_loss(x, refined, config.psi))
        change = ops.mean(ops.abs(refined - x))
        if not adversarial:
            return RefinerLosses(l_reg, ops.zeros_like(l_reg), l_reg, change)
        logits = state.discriminator(window.of(refined), training=False)
        l_real = ops.mean(local_adversarial_loss(patch_labels(PatchClass.REAL, logits), logits))
        return RefinerLosses(l_real + config.self_regularisation * l_reg, l_real, l_reg, change)

    return engine.minimise(loss, state.refiner.trainable_variables, state.refiner_optimiser, synthetic)


def average_refiner(engine: Engine, state: TrainState, decay: float, updates: int) -> None:
    """averaged <- d * averaged + (1 - d) * R; d rises to `decay` with the number of updates so far."""
    # Without the rise the first average would be a thousand updates behind; the form is TensorFlow's.
    warm = min(decay, (1 + updates) / (10 + updates))
    engine.average(state.averaged_refiner.trainable_variables, state.refiner.trainable_variables, warm)


def update_discriminator(
    engine: Engine, state: TrainState, config: TrainConfig, refined: Batch, real: Batch
) -> DiscriminatorLosses:
    """One update of D on refined images x~ and real images y: equation 2, a mean over patches and images of each."""
    window = _Window.draw(state.random, config.jitter)

    def loss(x_refined: Any, y: Any) -> DiscriminatorLosses:
        on_refined = state.discriminator(window.of(x_refined), training=True)
        on_real = state.discriminator(window.of(y), training=True)
        refined_labels = patch_labels(PatchClass.REFINED, on_refined)
        real_labels = patch_labels(PatchClass.REAL, on_real)
        total = local_adversarial_loss(refined_labels, on_refined) + local_adversarial_loss(real_labels, on_real)
        return DiscriminatorLosses(
            ops.mean(total),
            real_accuracy=_share(on_real, PatchClass.REAL),
            refined_accuracy=_share(on_refined, PatchClass.REFINED),
        )

    variables = state.discriminator.trainable_variables
    return engine.minimise(loss, variables, state.discriminator_optimiser, refined, real)


class _Window(NamedTuple):
    """The part of an image that D sees in one update."""

    top: int
    left: int
    margin: int

    @classmethod
    def draw(cls, random: np.random.Generator, margin: int) -> "_Window":
        top, left = random.integers(0, 2 * margin, size=2, endpoint=True)
        return cls(int(top), int(left), margin)

    def of(self, images: Any) -> Any:
        """(B, H, W, C) -> (B, H - 2 margin, W - 2 margin, C)."""
        height, width = images.shape[1] - 2 * self.margin, images.shape[2] - 2 * self.margin
        return images[:, self.top : self.top + height, self.left : self.left + width]


def _share(logits: Any, patch_class: PatchClass) -> Any:
    """Share of the patches that D puts into `patch_class`."""
    return ops.mean(ops.cast(ops.equal(ops.argmax(logits, axis=-1), int(patch_class)), "float32"))


def _optimiser(config: OptimiserConfig, model: keras.Model) -> keras.optimizers.Optimizer:
    if config.name == "adam":
        optimiser = keras.optimizers.Adam(config.learning_rate, beta_1=config.beta_1)
    else:
        optimiser = keras.optimizers.SGD(config.learning_rate)
    optimiser.build(model.trainable_variables)
    return optimiser
