"""Algorithm 1 of Shrivastava et al., CVPR 2017: adversarial training of the refiner R.

In training order: R on self-regularisation alone, D on real and refined images, then both in turn.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from simgan.runs.position import ADVERSARIAL, DISCRIMINATOR_PRETRAIN, REFINER_PRETRAIN
from simgan.settings.config import TrainConfig
from simgan.training.state import TrainState
from simgan.training.steps import Batch, Steps


class Observer(Protocol):
    """Is told what happens; never changes it."""

    def step(self) -> None:
        """The step that `TrainState.position` names is over; its losses are in `TrainState.meters`."""


@dataclass
class Training:
    """A training, from wherever its state is.

    Args:
        steps: make the updates.
        state: what is updated.
        config: the settings.
        synthetic: endless batches, from the first that was not drawn yet.
        real: likewise.
        observers: are told of each step, in order.
    """

    steps: Steps
    state: TrainState
    config: TrainConfig
    synthetic: Iterator[Batch]
    real: Iterator[Batch]
    observers: Sequence[Observer]

    def run(self) -> None:
        """What is left of both pre-trainings and of Algorithm 1."""
        if self.state.position.phase == REFINER_PRETRAIN:
            self.pretrain_refiner()
            self.state.position.enter(DISCRIMINATOR_PRETRAIN)
        if self.state.position.phase == DISCRIMINATOR_PRETRAIN:
            self.pretrain_discriminator()
            self.state.position.enter(ADVERSARIAL)
        self.train_adversarially()

    def pretrain_refiner(self) -> None:
        """Pre-trains R to give back what it gets: |psi(R(x)) - psi(x)|_1."""
        for step in self._left(self.config.refiner_pretrain_steps):
            losses = self.steps.pretrain_refiner(self._draw_synthetic())
            self.steps.average_refiner(decay=0.0, updates=0)  # a copy of R
            self._is_over(step, losses)

    def pretrain_discriminator(self) -> None:
        """Pre-trains D on real images and those of a fixed R; these begin the history."""
        for step in self._left(self.config.discriminator_pretrain_steps):
            losses, fresh = self.steps.update_discriminator(self._draw_synthetic(), self._draw_real())
            self.state.history.add(fresh)
            self._is_over(step, losses)

    def train_adversarially(self) -> None:
        """Algorithm 1, line by line."""
        config = self.config
        for step in self._left(config.steps):
            weight = self.state.weight(step)  # lambda
            for k in range(config.refiner_updates):  # k_g
                refiner_losses = self.steps.update_refiner(self._draw_synthetic(), weight)
                self.steps.average_refiner(config.refiner_average, (step - 1) * config.refiner_updates + k)
            for _ in range(config.discriminator_updates):  # k_d
                discriminator_losses, fresh = self.steps.update_discriminator(
                    self._draw_synthetic(), self._draw_real()
                )
            self.state.history.add(fresh)
            self._is_over(step, refiner_losses, discriminator_losses)

    def _left(self, steps: int) -> range:
        """The steps of the phase that are still to do, from 1."""
        return range(self.state.position.step + 1, steps + 1)

    def _draw_synthetic(self) -> Batch:
        self.state.position.synthetic_batches += 1
        return next(self.synthetic)

    def _draw_real(self) -> Batch:
        self.state.position.real_batches += 1
        return next(self.real)

    def _is_over(self, step: int, *losses: NamedTuple) -> None:
        self.state.position.step = step
        self.state.meters.add(*losses)
        for observer in self.observers:
            observer.step()
