"""Algorithm 1 of Shrivastava et al., CVPR 2017: adversarial training of the refiner R.

R is pre-trained on self-regularisation alone, then D is pre-trained on real and refined images; after that both are
trained in turn.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from simgan.engines.protocol import Array
from simgan.runs.position import ADVERSARIAL, DISCRIMINATOR_PRETRAIN, REFINER_PRETRAIN
from simgan.settings.config import TrainConfig
from simgan.training.state import TrainState
from simgan.training.steps import Batch, Steps


class Observer(Protocol):
    """The loop calls an observer after every step. It changes no state of the training, but may end it by raising."""

    def step(self) -> None:
        """Called when the step at `TrainState.position` is over; its losses are in `TrainState.meters`."""


@dataclass
class Training:
    """A training, which begins at the position of its state.

    Args:
        steps: makes the updates of R and D.
        state: what the updates change.
        config: the settings.
        synthetic: endless batches of synthetic images, beginning with the first batch that was not drawn yet.
        real: endless batches of real images, beginning with the first batch that was not drawn yet.
        observers: called after every step, in this order.
    """

    steps: Steps
    state: TrainState
    config: TrainConfig
    synthetic: Iterator[Batch]
    real: Iterator[Batch]
    observers: Sequence[Observer]

    def run(self) -> None:
        """Runs the remaining steps of both pre-trainings and of Algorithm 1."""
        if self.state.position.phase == REFINER_PRETRAIN:
            self.pretrain_refiner()
            self.state.position.enter(DISCRIMINATOR_PRETRAIN)
        if self.state.position.phase == DISCRIMINATOR_PRETRAIN:
            self.pretrain_discriminator()
            self.state.position.enter(ADVERSARIAL)
        self.train_adversarially()

    def pretrain_refiner(self) -> None:
        """Pre-trains R to reproduce its input: |psi(R(x)) - psi(x)|_1."""
        for step in self._remaining(self.config.refiner_pretrain_steps):
            x = self._draw_synthetic()
            losses = self.steps.pretrain_refiner(x)
            self.steps.update_label_networks(x, self._targets())
            self.steps.average_refiner(decay=0.0, updates=0)  # the average is a copy of R
            self._finish(step, losses)

    def pretrain_discriminator(self) -> None:
        """Pre-trains D on real images and on images that a fixed R refines; the refined images go into the history."""
        for step in self._remaining(self.config.discriminator_pretrain_steps):
            x, y = self._draw_synthetic(), self._draw_real()
            losses, refined = self.steps.update_discriminator(x, y)
            self.steps.update_label_networks(x, self._targets(), y)
            self.state.history.add(refined)
            self._finish(step, losses)

    def train_adversarially(self) -> None:
        """Algorithm 1: R has the weights theta, D has the weights phi."""
        config = self.config
        for step in self._remaining(config.steps):  # t = 1, ..., T
            weight = self.state.weight(step)  # lambda
            label_weights = self.state.labels.weights(step)
            for k in range(config.refiner_updates):  # k = 1, ..., K_g
                x = self._draw_synthetic()
                # theta: a step on L_R, equation 4, and on the terms of the labels that are kept, if there are any
                refiner_losses = self.steps.update_refiner(x, weight, self._targets(), label_weights)
                self.steps.average_refiner(config.refiner_average, (step - 1) * config.refiner_updates + k)
            for _ in range(config.discriminator_updates):  # k = 1, ..., K_d
                x, y = self._draw_synthetic(), self._draw_real()
                discriminator_losses, refined = self.steps.update_discriminator(x, y)  # phi: L_D, equation 2
                self.steps.update_label_networks(x, self._targets(), y)
            self.state.history.add(refined)  # section 2.3
            self._finish(step, refiner_losses, discriminator_losses)

    def _remaining(self, steps: int) -> range:
        """The numbers, from 1 to `steps`, of the steps of this phase that are still to do."""
        return range(self.state.position.step + 1, steps + 1)

    def _draw_synthetic(self) -> Batch:
        self.state.position.synthetic_batches += 1
        return next(self.synthetic)

    def _targets(self) -> tuple[Array, ...]:
        """For each label that is kept, the targets of the synthetic batch that was drawn last."""
        return self.state.labels.targets(self.state.position.synthetic_batches - 1)

    def _draw_real(self) -> Batch:
        self.state.position.real_batches += 1
        return next(self.real)

    def _finish(self, step: int, *losses: NamedTuple) -> None:
        self.state.position.step = step
        self.state.meters.add(*losses)
        for observer in self.observers:
            observer.step()
