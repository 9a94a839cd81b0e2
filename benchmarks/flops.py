"""Floating-point operations of R, D and a training step, from the shapes of their layers.

A multiplication with its addition counts as two. Only convolutions count. The rest (biases, activations, pooling,
losses, updates) is below 1 %, so a rate computed from these numbers is at most slightly too low.
"""

import math
from dataclasses import dataclass
from typing import Any

from simgan import TrainConfig, discriminator_model, refiner_model


@dataclass(frozen=True)
class Flops:
    """Operations of one image through one network."""

    forward: int
    first_layer: int
    """The part of `forward` in the first convolution."""

    @property
    def training(self) -> int:
        """Forward, gradient of the weights, and gradient of the data, which the first layer does not need."""
        return 3 * self.forward - self.first_layer

    @property
    def data_gradient(self) -> int:
        """Forward pass and gradient of the input image: what R's update needs of the frozen D."""
        return 2 * self.forward


def network_flops(model: Any) -> Flops:
    """Operations of a channels-last Keras model of fixed image size."""
    layers = [
        2 * math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:3])
        for layer in model.layers
        if type(layer).__name__ == "Conv2D"
    ]
    return Flops(sum(layers), layers[0])


def refiner_flops(config: TrainConfig, height: int, width: int) -> Flops:
    """Operations of R on grey images of this size."""
    return network_flops(refiner_model(width, height, 1, **dict(config.refiner)))


def discriminator_flops(config: TrainConfig, height: int, width: int) -> Flops:
    """Operations of D on grey images of this size. D sees a window that is `jitter` px smaller on each side."""
    margin = 2 * config.jitter
    return network_flops(discriminator_model(width - margin, height - margin, 1, **dict(config.discriminator)))


@dataclass(frozen=True)
class StepFlops:
    """Operations of one step of each phase, for whole batches."""

    refiner_pretrain: int
    discriminator_pretrain: int
    adversarial: int

    def schedule(self, config: TrainConfig) -> int:
        """Operations of a whole training."""
        return (
            config.refiner_pretrain_steps * self.refiner_pretrain
            + config.discriminator_pretrain_steps * self.discriminator_pretrain
            + config.steps * self.adversarial
        )


def step_flops(config: TrainConfig, height: int, width: int) -> StepFlops:
    """Operations of a step once the history holds half a batch, so that D's update refines only the other half."""
    r, d = refiner_flops(config, height, width), discriminator_flops(config, height, width)
    batch = config.batch_size
    update_of_d = (batch - batch // 2) * r.forward + 2 * batch * d.training
    update_of_r = batch * (r.training + d.data_gradient)
    return StepFlops(
        refiner_pretrain=batch * r.training,
        discriminator_pretrain=update_of_d,
        adversarial=config.refiner_updates * update_of_r + config.discriminator_updates * update_of_d,
    )
