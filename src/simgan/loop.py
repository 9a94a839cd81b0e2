"""Algorithm 1 of Shrivastava et al., CVPR 2017: adversarial training of the refiner R.

In training order: R on self-regularisation alone, D on real and refined images, then both in turn.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from simgan.budget import Weight
from simgan.config import TrainConfig
from simgan.history import HistoryBuffer
from simgan.steps import Batch, Steps

REFINER_PRETRAIN, DISCRIMINATOR_PRETRAIN, ADVERSARIAL = "refiner_pretrain", "discriminator_pretrain", "adversarial"
PHASES = (REFINER_PRETRAIN, DISCRIMINATOR_PRETRAIN, ADVERSARIAL)


class Observer(Protocol):
    """Is told what happens; never changes it."""

    def step(self, phase: str, number: int, *losses: NamedTuple) -> None:
        """Step `number` of `phase`, from 1, is over; `losses` are of its last updates."""


class Data(NamedTuple):
    """Endless batches of both sets."""

    synthetic: Iterator[Batch]
    real: Iterator[Batch]


def run(
    steps: Steps, history: HistoryBuffer, config: TrainConfig, data: Data, weight: Weight, observer: Observer
) -> None:
    """The whole training: both pre-trainings, then Algorithm 1, in which self-regularisation has `weight`."""
    pretrain_refiner(steps, config, data, observer)
    pretrain_discriminator(steps, history, config, data, observer)
    train_adversarially(steps, history, config, data, weight, observer)


def pretrain_refiner(steps: Steps, config: TrainConfig, data: Data, observer: Observer) -> None:
    """Pre-trains R to give back what it gets: |psi(R(x)) - psi(x)|_1."""
    for step in range(1, config.refiner_pretrain_steps + 1):
        losses = steps.pretrain_refiner(next(data.synthetic))
        observer.step(REFINER_PRETRAIN, step, losses)
    steps.average_refiner(decay=0.0, updates=0)


def pretrain_discriminator(
    steps: Steps, history: HistoryBuffer, config: TrainConfig, data: Data, observer: Observer
) -> None:
    """Pre-trains D on real images and those of a fixed R; these begin the history."""
    for step in range(1, config.discriminator_pretrain_steps + 1):
        losses, fresh = steps.update_discriminator(next(data.synthetic), next(data.real))
        history.add(fresh)
        observer.step(DISCRIMINATOR_PRETRAIN, step, losses)


def train_adversarially(
    steps: Steps, history: HistoryBuffer, config: TrainConfig, data: Data, weight: Weight, observer: Observer
) -> None:
    """Algorithm 1, line by line."""
    for step in range(1, config.steps + 1):
        regularisation = weight(step)  # lambda
        for k in range(config.refiner_updates):  # k_g
            refiner_losses = steps.update_refiner(next(data.synthetic), regularisation)
            steps.average_refiner(config.refiner_average, (step - 1) * config.refiner_updates + k)
        for _ in range(config.discriminator_updates):  # k_d
            discriminator_losses, fresh = steps.update_discriminator(next(data.synthetic), next(data.real))
        history.add(fresh)
        observer.step(ADVERSARIAL, step, refiner_losses, discriminator_losses)
