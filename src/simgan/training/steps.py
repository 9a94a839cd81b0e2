"""The update steps of SimGAN: one for each network.

Symbols are the paper's: R refines a synthetic image x to x~; D tells x~ from a real image y.
"""

from typing import NamedTuple

import numpy as np
from keras import ops

from simgan.engines.protocol import Array, Engine
from simgan.models.losses import PatchClass, local_adversarial_loss, patch_labels, self_regularisation_loss
from simgan.settings.config import TrainConfig
from simgan.training.state import TrainState

Batch = Array  # (B, H, W, C) in [-1, 1], float32, on the engine's device


class RefinerLosses(NamedTuple):
    """Scalars of one update of R."""

    total: Array
    adversarial: Array
    self_regularisation: Array
    change: Array
    """Mean |x~ - x|, in units of the [-1, 1] range."""
    brightening: Array
    """Mean x~ - x."""
    gradient: Array = 0.0
    """Norm of the gradient of `total`; the engine fills it in."""


class DiscriminatorLosses(NamedTuple):
    """Scalars of one update of D; accuracies are shares of patches, 0.5 is chance."""

    total: Array
    real_accuracy: Array
    refined_accuracy: Array
    logit_variance: Array
    """Variance of D's logits over the patches of a refined and a real image; 0 if D says the same of both."""
    intensity_gap: Array
    """Mean of the refined images less that of the real ones, in units of the [-1, 1] range."""
    gradient: Array = 0.0
    """Norm of the gradient of `total`; the engine fills it in."""


class Steps:
    """The updates of one training. Their losses are built once, so that the engine can make them fast.

    Args:
        engine: computes.
        state: what is updated.
        config: the settings.
    """

    def __init__(self, engine: Engine, state: TrainState, config: TrainConfig) -> None:
        self._engine, self._state, self._jitter = engine, state, config.jitter
        self._refine, discriminate = engine.network(state.refiner), engine.network(state.discriminator, small=True)
        refiner = (state.refiner.trainable_variables, state.refiner_optimiser)
        discriminator = (state.discriminator.trainable_variables, state.discriminator_optimiser)

        def regularisation(x: Array) -> RefinerLosses:
            refined = self._refine(x)
            l_reg = ops.mean(self_regularisation_loss(x, refined, config.psi))
            return RefinerLosses(l_reg, ops.zeros_like(l_reg), l_reg, *_change(x, refined))

        def equation_4(x: Array, weight: Array, *window: Array) -> RefinerLosses:
            refined = self._refine(x)
            l_reg = ops.mean(self_regularisation_loss(x, refined, config.psi))
            logits = discriminate(_crop(refined, *window))
            l_real = ops.mean(local_adversarial_loss(patch_labels(PatchClass.REAL, logits), logits))
            return RefinerLosses(l_real + weight[0] * l_reg, l_real, l_reg, *_change(x, refined))

        def equation_2(x_refined: Array, y: Array, *window: Array) -> DiscriminatorLosses:
            on_refined = discriminate(_crop(x_refined, *window))
            on_real = discriminate(_crop(y, *window))
            refined_labels = patch_labels(PatchClass.REFINED, on_refined)
            real_labels = patch_labels(PatchClass.REAL, on_real)
            total = local_adversarial_loss(refined_labels, on_refined) + local_adversarial_loss(real_labels, on_real)
            return DiscriminatorLosses(
                ops.mean(total),
                real_accuracy=_share(on_real, PatchClass.REAL),
                refined_accuracy=_share(on_refined, PatchClass.REFINED),
                logit_variance=_variance_of_pairs(on_refined, on_real),
                intensity_gap=ops.mean(x_refined) - ops.mean(y),
            )

        self._minimise_regularisation = engine.minimiser(regularisation, *refiner)
        self._minimise_equation_4 = engine.minimiser(equation_4, *refiner)
        self._minimise_equation_2 = engine.minimiser(
            equation_2, *discriminator, micro_batch_factor=_discriminator_batch_factor(config)
        )

    def pretrain_refiner(self, synthetic: Batch) -> RefinerLosses:
        """One update of R on synthetic images x: the self-regularisation |psi(x~) - psi(x)|_1 alone."""
        return self._minimise_regularisation((synthetic,))

    def update_refiner(self, synthetic: Batch, weight: float) -> RefinerLosses:
        """One update of R on synthetic images x: equation 4.

        L_R = l_real(x~) + lambda * |psi(x~) - psi(x)|_1, where l_real (equation 3) is small when D takes x~ for real,
        and lambda is `weight`.
        """
        weights = self._engine.to_device(np.full(1, weight, np.float32))
        return self._minimise_equation_4((synthetic,), (weights, *self._window(synthetic)))

    def average_refiner(self, decay: float, updates: int) -> None:
        """averaged <- d * averaged + (1 - d) * R; d rises to `decay` with the number of updates so far."""
        # Without the rise the first average would be a thousand updates behind; the form is TensorFlow's.
        warm = min(decay, (1 + updates) / (10 + updates))
        state = self._state
        self._engine.average(state.averaged_refiner.trainable_variables, state.refiner.trainable_variables, warm)

    def update_discriminator(self, synthetic: Batch, real: Batch) -> tuple[DiscriminatorLosses, Batch]:
        """One update of D on real images y and refined ones x~, half of these from the history (2.3).

        L_D is equation 2: a mean over patches and images of each kind.

        Args:
            synthetic: (B, H, W, C); R refines as many of them as the history cannot give.
            real: (B, H, W, C).

        Returns:
            The losses, and B // 2 refined images that are new.
        """
        half = len(synthetic) // 2
        old = self._state.history.sample(half)
        fresh = self._engine.infer(self._refine, synthetic[: len(synthetic) - len(old)])
        refined = ops.concatenate([fresh, old])
        return self._minimise_equation_2((refined, real), self._window(real)), fresh[:half]

    def _window(self, images: Batch) -> tuple[Array, ...]:
        """Rows and columns of the part that D sees in one update: an image less `jitter` on each side, moved."""
        if not self._jitter:
            return ()
        top, left = self._state.random.integers(0, 2 * self._jitter, size=2, endpoint=True)
        height, width = (side - 2 * self._jitter for side in images.shape[1:3])
        return tuple(self._engine.to_device(start + np.arange(side)) for start, side in ((top, height), (left, width)))


def _discriminator_batch_factor(config: TrainConfig) -> int:
    """How many images of each kind in D take about the room of one in R; eight for the paper's networks.

    The strides of D divide H and W by 2, then by 4. With few images at once it would spend its time between its
    layers (docs/performance.md).
    """
    of_refiner = config.refiner.filters * (4 * config.refiner.blocks + 2)  # values a pixel
    return max(1, of_refiner // 144)


def _crop(images: Array, rows: Array | None = None, columns: Array | None = None) -> Array:
    """(B, H, W, C) -> (B, rows, columns, C)."""
    # By index arrays, not slices: compiled and recorded code is the same for each window.
    return images if rows is None else ops.take(ops.take(images, rows, axis=1), columns, axis=2)


def _change(x: Array, refined: Array) -> tuple[Array, Array]:
    """Mean |x~ - x| and mean x~ - x."""
    difference = refined - x
    return ops.mean(ops.abs(difference)), ops.mean(difference)


def _variance_of_pairs(on_refined: Array, on_real: Array) -> Array:
    """Variance of the first logit within each pair of a refined and a real image, averaged over the pairs."""
    # Not over the batch at once: that would be no mean over images, and so depend on the micro-batch. Nor from the
    # mean square of the logits: float32 cannot tell a constant D by it.
    logits = ops.concatenate([on_refined, on_real], axis=1)[..., 0]  # (B, 2 patches)
    return ops.mean(ops.square(logits - ops.mean(logits, axis=1, keepdims=True)))


def _share(logits: Array, patch_class: PatchClass) -> Array:
    """Share of the patches that D puts into `patch_class`."""
    # By the operator: `ops.equal` would make an array of the number, and copy it to the device.
    return ops.mean(ops.cast(ops.argmax(logits, axis=-1) == int(patch_class), "float32"))
