"""Algorithm 1 of Shrivastava et al., CVPR 2017: adversarial training of the refiner R.

In training order: R on self-regularisation alone, D on real and refined images, then both in turn.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np

from simgan.config import TrainConfig
from simgan.engine import Engine
from simgan.steps import (
    Batch,
    DiscriminatorLosses,
    TrainState,
    average_refiner,
    update_discriminator,
    update_refiner,
)

REFINER_PRETRAIN, DISCRIMINATOR_PRETRAIN, ADVERSARIAL = "refiner_pretrain", "discriminator_pretrain", "adversarial"
PHASES = (REFINER_PRETRAIN, DISCRIMINATOR_PRETRAIN, ADVERSARIAL)


class Observer(Protocol):
    """Is told what happens; never changes it."""

    def step(self, phase: str, number: int, *losses: NamedTuple) -> None:
        """Step `number` of `phase`, from 1, is over; `losses` are of its last updates."""


def run(
    engine: Engine,
    state: TrainState,
    config: TrainConfig,
    synthetic: Iterator[Batch],
    real: Iterator[Batch],
    observer: Observer,
) -> None:
    """The whole training: both pre-trainings, then Algorithm 1."""
    pretrain_refiner(engine, state, config, synthetic, observer)
    pretrain_discriminator(engine, state, config, synthetic, real, observer)
    train_adversarially(engine, state, config, synthetic, real, observer)


def pretrain_refiner(
    engine: Engine, state: TrainState, config: TrainConfig, synthetic: Iterator[Batch], observer: Observer
) -> None:
    """Pre-trains R to give back what it gets: |psi(R(x)) - psi(x)|_1."""
    for step in range(1, config.refiner_pretrain_steps + 1):
        losses = update_refiner(engine, state, config, next(synthetic), adversarial=False)
        observer.step(REFINER_PRETRAIN, step, losses)
    average_refiner(engine, state, decay=0.0, updates=0)


def pretrain_discriminator(
    engine: Engine,
    state: TrainState,
    config: TrainConfig,
    synthetic: Iterator[Batch],
    real: Iterator[Batch],
    observer: Observer,
) -> None:
    """Pre-trains D on real images and those of a fixed R; these begin the history."""
    for step in range(1, config.discriminator_pretrain_steps + 1):
        losses, fresh = _train_discriminator(engine, state, config, synthetic, real)
        state.history.add(fresh)
        observer.step(DISCRIMINATOR_PRETRAIN, step, losses)


def train_adversarially(
    engine: Engine,
    state: TrainState,
    config: TrainConfig,
    synthetic: Iterator[Batch],
    real: Iterator[Batch],
    observer: Observer,
) -> None:
    """Algorithm 1, line by line."""
    for step in range(1, config.steps + 1):
        for k in range(config.refiner_updates):  # k_g
            refiner_losses = update_refiner(engine, state, config, next(synthetic))
            average_refiner(engine, state, config.refiner_average, (step - 1) * config.refiner_updates + k)
        for _ in range(config.discriminator_updates):  # k_d
            discriminator_losses, fresh = _train_discriminator(engine, state, config, synthetic, real)
        state.history.add(fresh)
        observer.step(ADVERSARIAL, step, refiner_losses, discriminator_losses)


def _train_discriminator(
    engine: Engine, state: TrainState, config: TrainConfig, synthetic: Iterator[Batch], real: Iterator[Batch]
) -> tuple[DiscriminatorLosses, Batch]:
    """One update of D on a batch of real images and one of refined ones, half of them from the history (2.3).

    Returns the losses, and half a batch of the refined images that are new.
    """
    x, y = next(synthetic), next(real)
    old = state.history.sample(len(x) // 2)
    fresh = engine.infer(state.refiner, x[: len(x) - len(old)])
    losses = update_discriminator(engine, state, config, np.concatenate([fresh, old]), y)
    return losses, fresh[: len(x) // 2]
