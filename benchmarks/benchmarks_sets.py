"""The sets of training images that `make benchmarks` compares, and the errors of estimators trained on them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.jobs import Record
from benchmarks.small_affine import affine_and_photometric
from simgan.evaluation import Estimator, Labelled, Training, train_estimators
from simgan.evaluation.contenders import MATCHED, SYNTHETIC, WITH_REFINED, contenders
from simgan.matching import choose_framing, match_framing, match_images
from simgan.tasks.networks import Network
from simgan.tasks.photometric import photometric
from simgan.tasks.task import Task

FRAMING_AND_MIXED = "framing + mixed"
Images = NDArray[np.float32]
NamedSet = tuple[str, Images]
"""Name and images of a set, in [-1, 1]: (N, H, W, C) in the order of the synthetic images, or twice as many."""
_DECIMALS = 4  # of the errors in records


def free_sets(synthetic: Images, real: Images, seed: int, *, has_directions: bool = False) -> Iterator[NamedSet]:
    """The synthetic images, and what `simgan match` makes of them by each method; one set is in memory at a time.

    `has_directions`: whether the label is a direction, which not every change of framing leaves true.
    """
    framing = choose_framing(synthetic, real, has_directions=has_directions).framing
    wanted = {SYNTHETIC, *MATCHED}
    # `wanted` has no refined set, so the second argument is not used.
    for one in contenders(synthetic, synthetic, real, framing=framing, among=wanted, seed=seed):
        yield one.name, one.images
    if framing is not None:
        framed = np.stack([match_framing(image, framing) for image in synthetic])
        yield FRAMING_AND_MIXED, match_images(framed, real, "mixed", seed=seed)


def refined_sets(
    synthetic: Images, refined: Images, real: Images, seed: int, unrefined: Images | None = None
) -> Iterator[NamedSet]:
    """Images refined by random strengths, and images refined whole (`refined`), alone and together with free ones.

    `unrefined`: what R refined, if not the synthetic images; see `contenders`.
    """
    for one in contenders(synthetic, refined, real, unrefined=unrefined, among=WITH_REFINED, seed=seed):
        yield one.name, one.images


@dataclass(frozen=True)
class Scorer:
    """Trains an estimator on each set in the same way, and measures its errors on the labelled real images `test`."""

    task: Task
    network: Network
    test: Labelled
    steps: int
    seed: int

    def score(
        self,
        name: str,
        kind: Literal["free", "refined", "bound"],
        images: Images,
        labels: NDArray[Any],
        *,
        augmented: bool = True,
    ) -> Record:
        """Trains on a set and returns the error on each test image. `labels`: (N, ...), of the synthetic images."""
        repeated = np.concatenate([self.task.targets(labels)] * (len(images) // len(labels)))
        estimator = self.train(images, repeated, augmented=augmented)
        errors = self.task.errors(estimator(self.test.images), self.test.labels)
        rounded = [round(float(error), _DECIMALS) for error in errors]
        return {"on": name, "kind": kind, "augmented": augmented, "errors": rounded}

    def train(
        self,
        images: Images,
        targets: NDArray[Any],
        *,
        rows: NDArray[np.int64] | None = None,
        augmented: bool = True,
        steps: int | None = None,
    ) -> Estimator:
        """Trains an estimator. All sets get the same augmentation, which also moves images if the label is a class."""
        augment = affine_and_photometric if self.task.name == "classification" else photometric
        training = Training(
            images,
            targets,
            rows=rows,
            network=self.network,
            outputs=self.task.outputs,
            loss=self.task.loss,
            standardised=self.task.standardised,
            steps=steps or self.steps,
            batch_size=self.task.batch_size,
            learning_rate=self.task.learning_rate,
            seed=self.seed,
            augment=augment if augmented else None,
        )
        return train_estimators([training])[0]
