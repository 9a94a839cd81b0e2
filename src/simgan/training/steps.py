"""The updates of SimGAN: one of R and one of D.

Symbols are the paper's: R refines a synthetic image x to x~; D distinguishes x~ from a real image y.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from keras import ops
from numpy.typing import NDArray

from simgan.engines.protocol import Array, Engine
from simgan.matching import match_images
from simgan.models.losses import PatchClass, local_adversarial_loss, patch_labels, self_regularisation_loss
from simgan.settings.config import TrainConfig
from simgan.tasks.photometric import photometric
from simgan.training.label_keeper import KeptLabel
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
    label: Array = 0.0
    """Sum of the losses of the labels that are kept, as their networks read them in x~; without weights."""
    gradient: Array = 0.0
    """Norm of the gradient of `total`; the engine fills it in."""


class DiscriminatorLosses(NamedTuple):
    """Scalars of one update of D; accuracies are shares of patches, 0.5 is chance."""

    total: Array
    real_accuracy: Array
    refined_accuracy: Array
    logit_variance: Array
    """Variance of D's logits over the patches of a refined and a real image; 0 if all logits are the same."""
    intensity_gap: Array
    """Mean of the refined images minus mean of the real images, in units of the [-1, 1] range."""
    gradient: Array = 0.0
    """Norm of the gradient of `total`; the engine fills it in."""


class _LabelLosses(NamedTuple):
    total: Array


class Steps:
    """The updates of one training. The loss functions are built once, so that the engine can compile them.

    Args:
        engine: computes the networks and the updates.
        state: what the updates change.
        config: the settings.
    """

    def __init__(self, engine: Engine, state: TrainState, config: TrainConfig) -> None:
        self._engine, self._state, self._jitter = engine, state, config.jitter
        self._refine, discriminate = engine.network(state.refiner), engine.network(state.discriminator, small=True)
        refiner = (state.refiner.trainable_variables, state.refiner_optimiser)
        discriminator = (state.discriminator.trainable_variables, state.discriminator_optimiser)

        labels = state.labels.labels

        def regularisation(x: Array) -> RefinerLosses:
            refined = self._refine(x)
            l_reg = ops.mean(self_regularisation_loss(x, refined, config.psi))
            zero = ops.zeros_like(l_reg)
            return RefinerLosses(l_reg, zero, l_reg, *_change(x, refined), zero)

        def equation_4(x: Array, *rest: Array) -> RefinerLosses:
            targets, (weights, *window) = rest[: len(labels)], rest[len(labels) :]
            refined = self._refine(x)
            l_reg = ops.mean(self_regularisation_loss(x, refined, config.psi))
            logits = discriminate(_crop(refined, *window))
            l_real = ops.mean(local_adversarial_loss(patch_labels(PatchClass.REAL, logits), logits))
            total, l_labels = l_real + weights[0] * l_reg, ops.zeros_like(l_reg)
            for number, label in enumerate(labels):
                l_label = label.task.loss(label.read(refined), targets[number])
                total, l_labels = total + weights[1 + number] * l_label, l_labels + l_label
            return RefinerLosses(total, l_real, l_reg, *_change(x, refined), l_labels)

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
        self._minimise_labels = [
            engine.minimiser(_reading_loss(label), label.network.trainable_variables, label.optimiser)
            for label in labels
        ]

    def pretrain_refiner(self, synthetic: Batch) -> RefinerLosses:
        """One update of R on synthetic images x: the self-regularisation |psi(x~) - psi(x)|_1 alone."""
        return self._minimise_regularisation((synthetic,))

    def update_refiner(
        self,
        synthetic: Batch,
        weight: float,
        targets: Sequence[NDArray[np.float32]] = (),
        label_weights: Sequence[float] = (),
    ) -> RefinerLosses:
        """One update of R on synthetic images x: equation 4.

        L_R = l_real(x~) + lambda * |psi(x~) - psi(x)|_1, where l_real (equation 3) is small when D takes x~ for real,
        and lambda is `weight`. For each label that is kept, the weighted loss of its network on x~ is added.

        Args:
            synthetic: (B, H, W, C).
            weight: lambda.
            targets: for each label that is kept, its targets (B, K).
            label_weights: the weights of these labels.
        """
        weights = self._engine.to_device(np.array([weight, *label_weights], np.float32))
        batches = (synthetic, *map(self._engine.to_device, targets))
        return self._minimise_equation_4(batches, (weights, *self._window(synthetic)))

    def update_label_networks(
        self, synthetic: Batch, targets: Sequence[NDArray[np.float32]], real: Batch | None = None
    ) -> None:
        """One update of each network that reads a label, on synthetic images whose appearance is changed at random.

        Never on refined images: the network would learn to read the label from traces that R leaves.

        Args:
            synthetic: (B, H, W, C).
            targets: for each label that is kept, its targets (B, K).
            real: (B, H, W, C). If given, the network also learns from `synthetic` matched to these images.
        """
        if not targets:
            return
        images, times = self._engine.to_numpy(synthetic), 1
        if real is not None:
            seed = int(self._state.random.integers(2**31))
            matched = match_images(images, self._engine.to_numpy(real), "mixed", seed=seed)
            images, times = np.concatenate([images, matched]), 2
        changed = self._engine.to_device(photometric(images, targets[0], self._state.random)[0])
        for minimise, wanted in zip(self._minimise_labels, targets, strict=True):
            minimise((changed, self._engine.to_device(np.concatenate([wanted] * times))))

    def average_refiner(self, decay: float, updates: int) -> None:
        """averaged <- d * averaged + (1 - d) * R; d rises to `decay` with the number of `updates` so far."""
        # Without the rise, the average would at first lag a thousand updates behind R. TensorFlow has the same
        # formula.
        rising = min(decay, (1 + updates) / (10 + updates))
        state = self._state
        self._engine.average(state.averaged_refiner.trainable_variables, state.refiner.trainable_variables, rising)

    def update_discriminator(self, synthetic: Batch, real: Batch) -> tuple[DiscriminatorLosses, Batch]:
        """One update of D on real images y and refined images x~, half of which come from the history (section 2.3).

        L_D is equation 2, with a mean over the patches and images of each class.

        Args:
            synthetic: (B, H, W, C). R refines the first half of them, or more while the history holds fewer than B //
                2.
            real: (B, H, W, C).

        Returns:
            The losses, and B // 2 of the images that R has refined in this update.
        """
        half = len(synthetic) // 2
        old = self._state.history.sample(half)
        fresh = self._engine.infer(self._refine, synthetic[: len(synthetic) - len(old)])
        refined = ops.concatenate([fresh, old])
        return self._minimise_equation_2((refined, real), self._window(real)), fresh[:half]

    def _window(self, images: Batch) -> tuple[Array, ...]:
        """Row and column indices of the window that D sees in this update; empty without jitter.

        The window is `jitter` px smaller than the images on each side, and its position is random.
        """
        if not self._jitter:
            return ()
        top, left = self._state.random.integers(0, 2 * self._jitter, size=2, endpoint=True)
        height, width = (side - 2 * self._jitter for side in images.shape[1:3])
        return tuple(self._engine.to_device(start + np.arange(side)) for start, side in ((top, height), (left, width)))


def _reading_loss(label: KeptLabel) -> Callable[[Array, Array], _LabelLosses]:
    """The loss of the network that reads a label."""
    return lambda images, targets: _LabelLosses(label.task.loss(label.read(images), targets))


def _discriminator_batch_factor(config: TrainConfig) -> int:
    """How many images of each class take as much memory in D as one image takes in R: 8 for the paper's networks.

    The strides of D divide H and W by 2, then by 4. A call with few images would take most of its time between the
    layers of D (docs/performance.md).
    """
    refiner_values = config.refiner.filters * (4 * config.refiner.blocks + 2)  # kept for each pixel
    return max(1, refiner_values // 144)


def _crop(images: Array, rows: Array | None = None, columns: Array | None = None) -> Array:
    """(B, H, W, C) -> (B, rows, columns, C)."""
    # Index arrays, unlike slices, let one compiled function or CUDA graph serve every window.
    return images if rows is None else ops.take(ops.take(images, rows, axis=1), columns, axis=2)


def _change(x: Array, refined: Array) -> tuple[Array, Array]:
    """Mean |x~ - x| and mean x~ - x."""
    difference = refined - x
    return ops.mean(ops.abs(difference)), ops.mean(difference)


def _variance_of_pairs(on_refined: Array, on_real: Array) -> Array:
    """Variance of the first logit within each pair of a refined and a real image, averaged over the pairs."""
    # The variance over the whole batch would not be a mean over images, and so would depend on the micro-batch. The
    # mean square minus the squared mean would be too inexact in float32 to recognise a constant D.
    logits = ops.concatenate([on_refined, on_real], axis=1)[..., 0]  # (B, 2 patches)
    return ops.mean(ops.square(logits - ops.mean(logits, axis=1, keepdims=True)))


def _share(logits: Array, patch_class: PatchClass) -> Array:
    """Share of the patches that D puts into `patch_class`."""
    # `==`, since `ops.equal` would make an array of the class number and copy it to the device.
    return ops.mean(ops.cast(ops.argmax(logits, axis=-1) == int(patch_class), "float32"))
