"""Keeps labels true: a network reads each label in refined images, and its loss is a term of R's loss.

The weight of this term rises while R loses more of the label than the budget allows. CyCADA (Hoffman et al., 2018) has
such a term; but here the network learns during the training of R, from synthetic images as they are and matched to
photographs, with photometric augmentation, so that it can read the label in many appearances. It never learns from
refined images. Otherwise it would read the label from traces that R leaves, and labels that no estimator can read in
photographs would count as kept (docs/experiments.md, section 16).
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from simgan.engines.protocol import Array, Engine
from simgan.files.numbers import dump, load
from simgan.settings.label_budget import LabelBudget
from simgan.tasks.lost_label import lost_by_each_image
from simgan.tasks.networks import small_network
from simgan.tasks.task import Angle, Task
from simgan.training.batches import Order
from simgan.training.budget import Budget

# Ours, docs/experiments.md, sections 16 and 17.
_FIRST_WEIGHT = 0.02  # of the term that keeps a label: so small that R is hardly held back within the budget
_LIMIT = 320.0  # largest weight, as a multiple of the first
_LEARNING_RATE = 1e-3  # of the networks that read labels


class Kept(NamedTuple):
    """A label that R must keep, with its values."""

    task: Task
    budget: LabelBudget
    labels: NDArray[Any]
    """(N, ...), of all synthetic images."""


class KeptLabel:
    """The network that reads a label during training, and the weight of the term that keeps the label.

    Args:
        kept: the label.
        images: (S, H, W, C) in [-1, 1], the synthetic images on which the loss of the label is measured.
        rows: (S,), the indices of these images in the synthetic set.
        refine: the refiner that would be saved now, as a function of images on the device.
        engine: computes the network.
    """

    def __init__(
        self,
        kept: Kept,
        images: NDArray[np.float32],
        rows: Sequence[int],
        refine: Callable[[Array], Array],
        engine: Engine,
    ) -> None:
        self.task, self._labels = kept.task, kept.labels
        self._mean, self._scale = np.zeros(1, np.float32), np.ones(1, np.float32)
        if kept.task.standardised:
            targets = self._targets(slice(None))
            self._mean, self._scale = targets.mean(axis=0), targets.std(axis=0) + np.float32(1e-6)
        height, width, channels = images.shape[1:]
        self.network = small_network(height, width, channels, self._targets(slice(1)).shape[1])
        self.optimiser = keras.optimizers.Adam(_LEARNING_RATE)
        self.optimiser.build(self.network.trainable_variables)
        names = (f"label_{kept.budget.name}_weight", f"label_{kept.budget.name}_lost")
        self.read = engine.network(self.network, small=True)
        """The network as a function of images on the device."""

        def measure() -> float:
            return self._lost(images, rows, refine, engine)

        self.weight = Budget(kept.budget.allowed, _FIRST_WEIGHT, measure, names, _LIMIT)

    def targets(self, rows: NDArray[np.int64], mirrored: NDArray[np.bool_]) -> NDArray[np.float32]:
        """The targets (B, K) of the synthetic images `rows`, standardised; directions are mirrored with the images."""
        targets = self._targets(rows)
        if isinstance(self.task, Angle):
            targets[:, 0] = np.where(mirrored, -targets[:, 0], targets[:, 0])
        return np.asarray((targets - self._mean) / self._scale, np.float32)

    def _lost(
        self, images: NDArray[np.float32], rows: Sequence[int], refine: Callable[[Array], Array], engine: Engine
    ) -> float:
        """How much of the label the images lose on average, in the unit of `LabelBudget.allowed`."""
        synthetic = engine.to_device(images)
        before, after = (
            engine.to_numpy(engine.infer(self.read, seen)) * self._scale + self._mean
            for seen in (synthetic, engine.infer(refine, synthetic))
        )
        lost = lost_by_each_image(self.task, before, after, self._targets(list(rows)))
        return float(lost.mean()) if len(lost) else 0.0

    def _targets(self, rows: Any) -> NDArray[np.float32]:
        """The targets (B, K) of the images `rows`; made when needed, because targets of many classes are large."""
        return np.asarray(self.task.targets(self._labels[rows]), np.float32)


class LabelKeeper:
    """All labels that R must keep; there may be none.

    Args:
        labels: the labels.
        order: the order in which training draws the synthetic images.
    """

    def __init__(self, labels: Sequence[KeptLabel] = (), order: Order | None = None) -> None:
        self.labels = tuple(labels)
        self._order = order

    def targets(self, number: int) -> tuple[NDArray[np.float32], ...]:
        """For each label the targets (B, K) of synthetic batch `number`, from 0."""
        if self._order is None:
            return ()
        draw = self._order.draw(number)
        return tuple(label.targets(draw.indices, draw.mirrored) for label in self.labels)

    def weights(self, step: int) -> tuple[float, ...]:
        """The weight of each label in adversarial step `step`; called once for each step, in order."""
        return tuple(label.weight(step) for label in self.labels)

    def gauges(self) -> dict[str, float]:
        """The numbers that metrics.jsonl records: for each label its weight, and how much of it R loses."""
        return {name: value for label in self.labels for name, value in label.weight.gauges().items()}

    def excess(self) -> float:
        """See `Weight`; summed over the labels."""
        return sum(label.weight.excess() for label in self.labels)

    def state_dict(self) -> dict[str, Any]:
        """The networks and weights, for a checkpoint."""
        return {
            f"{number}": {
                "network": dump(label.network),
                "optimiser": dump(label.optimiser),
                "weight": label.weight.state_dict(),
            }
            for number, label in enumerate(self.labels)
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Restores the networks and weights from a checkpoint.

        Raises:
            KeyError, TypeError, ValueError: `saved` does not fit these labels.
        """
        for number, label in enumerate(self.labels):
            parts = saved[f"{number}"]
            load(label.network, parts["network"])
            load(label.optimiser, parts["optimiser"])
            label.weight.load_state_dict(parts["weight"])
