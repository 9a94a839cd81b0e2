"""Floating-point operations of R, D and a training step, from the shapes of their layers.

A multiplication with its addition counts as two. Only convolutions count: what is left out (biases, activations,
pooling, losses, updates) is below 1 %, so that a rate from these numbers is, if anything, too low.
"""

import math
from dataclasses import dataclass
from typing import Any

from simgan import TrainConfig, discriminator_model, refiner_model


@dataclass(frozen=True)
class Flops:
    """Of one image through one network."""

    forward: int
    first_layer: int
    """What the first convolution takes of `forward`."""

    @property
    def training(self) -> int:
        """Forward, gradient of the weights, and gradient of the data, which the first layer does not need."""
        return 3 * self.forward - self.first_layer

    @property
    def data_gradient(self) -> int:
        """Forward and the gradient of the input image: frozen D, as R's update needs it."""
        return 2 * self.forward


def network_flops(model: Any) -> Flops:
    """Of a channels-last Keras model of fixed image size."""
    layers = [
        2 * math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:3])
        for layer in model.layers
        if type(layer).__name__ == "Conv2D"
    ]
    return Flops(sum(layers), layers[0])


def refiner_flops(config: TrainConfig, height: int, width: int) -> Flops:
    """Of R on grey images of this size."""
    return network_flops(refiner_model(width, height, 1, **dict(config.refiner)))


def discriminator_flops(config: TrainConfig, height: int, width: int) -> Flops:
    """Of D on the window that it sees of grey images of this size."""
    margin = 2 * config.jitter
    return network_flops(discriminator_model(width - margin, height - margin, 1, **dict(config.discriminator)))


@dataclass(frozen=True)
class StepFlops:
    """Of one step of each phase, whole batches."""

    refiner_pretrain: int
    discriminator_pretrain: int
    adversarial: int

    def schedule(self, config: TrainConfig) -> int:
        """Of a whole training."""
        return (
            config.refiner_pretrain_steps * self.refiner_pretrain
            + config.discriminator_pretrain_steps * self.discriminator_pretrain
            + config.steps * self.adversarial
        )


def step_flops(config: TrainConfig, height: int, width: int) -> StepFlops:
    """What the algorithm needs once the history holds half a batch, so that D's update refines only the other half."""
    r, d = refiner_flops(config, height, width), discriminator_flops(config, height, width)
    batch = config.batch_size
    update_of_d = (batch - batch // 2) * r.forward + 2 * batch * d.training
    update_of_r = batch * (r.training + d.data_gradient)
    return StepFlops(
        refiner_pretrain=batch * r.training,
        discriminator_pretrain=update_of_d,
        adversarial=config.refiner_updates * update_of_r + config.discriminator_updates * update_of_d,
    )
