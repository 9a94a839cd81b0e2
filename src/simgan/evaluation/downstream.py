"""The downstream score: does training on refined images help on real ones, more than what is free?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from keras import ops
from numpy.typing import NDArray

from simgan.evaluation.comparison import Errors, Set, summarise
from simgan.evaluation.contenders import BOTH, REFINED, SYNTHETIC, Contender, contenders
from simgan.evaluation.estimator import Training, train_estimators
from simgan.evaluation.label_distribution import compare_labels
from simgan.evaluation.networks import network
from simgan.evaluation.photometric import DESCRIPTION, photometric
from simgan.evaluation.results import Downstream
from simgan.evaluation.tasks import Task
from simgan.matching import METHODS

_FOLDS = 3
_SPLIT_FROM = 300  # labelled real images: fewer are not worth training on
_FINALISTS = 2  # methods of matching that are trained with every seed


class Labelled(NamedTuple):
    """Images (N, H, W, C) in [-1, 1], and a label (N, ...)."""

    images: NDArray[np.float32]
    labels: NDArray[Any]


def downstream(
    synthetic: Labelled,
    refined: NDArray[np.float32],
    photographs: NDArray[np.float32],
    test: Labelled,
    task: Task,
    *,
    label: str,
    estimator: str = "small",
    steps: int = 600,
    seeds: Sequence[int] = (0, 1, 2),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Downstream:
    """Trains the same estimator on refined images and on every free alternative, and tests each on real images.

    Each set is trained on with and without augmentation, with the same number of steps and the same batch size.
    Trainings with the same seed start with the same weights and the same random state. All sets are trained on with
    the first seed; with the others only synthetic and refined images and the two methods of matching that were best
    with the first. From 300 labelled real images on, a bound is added: estimators trained on them, cross-validated.

    Args:
        synthetic: the training images as they were rendered.
        refined: the same images refined, (N, H, W, C) in [-1, 1].
        photographs: real images without labels, (M, h, w, C) in [-1, 1], for the methods of matching.
        test: labelled real images, on which the errors are measured. They also choose the best methods of matching,
            which favours these a little, and the bound is trained on them.
        task: how the label is learnt and scored.
        label: name of the label.
        estimator: `small`, `paper`, or the path of a .keras file.
        steps: training steps of each estimator.
        seeds: of the trainings. The methods of matching draw photographs by the first.
        on_progress: called with the number of steps done and of all steps of all trainings.
    """
    build = network(estimator)
    squared = estimator == "paper" and task.name == "angle"  # the paper's loss
    has_bound = len(test.images) >= _SPLIT_FROM
    trainings = 2 * (len(METHODS) + 3) + 2 * (_FINALISTS + 3) * (len(seeds) - 1) + _FOLDS * has_bound
    done, total = 0, trainings * steps

    def training(images: NDArray[np.float32], labels: NDArray[Any], seed: int, augmented: bool) -> Training:
        return Training(
            images,
            task.targets(labels),
            network=build,
            loss=_squared if squared else task.loss,
            standardised=task.standardised and not squared,
            steps=steps,
            seed=seed,
            augment=photometric if augmented else None,
        )

    def trained(wanted: Sequence[Training]) -> list[Any]:
        nonlocal done
        before = done
        found = train_estimators(wanted, lambda step, _: on_progress(before + step, total))
        done += len(wanted) * steps
        return found

    def errors_of(contender: Contender, of_seeds: Sequence[int]) -> dict[Set, Errors]:
        labels = np.concatenate([synthetic.labels] * (len(contender.images) // len(synthetic.images)))
        wanted = [training(contender.images, labels, seed, aug) for aug in (False, True) for seed in of_seeds]
        errors = np.stack([task.errors(found(test.images), test.labels) for found in trained(wanted)])
        halves = np.split(errors, 2)  # without and with augmentation
        return {
            Set(contender.name, contender.kind, aug): half for aug, half in zip((False, True), halves, strict=True)
        }

    errors: dict[Set, Errors] = {}
    make_sets = partial(contenders, synthetic.images, refined, photographs, seed=seeds[0])
    for contender in make_sets():
        errors |= errors_of(contender, seeds[:1])
    if seeds[1:]:
        for contender in make_sets(among={SYNTHETIC, REFINED, BOTH, *_best_matched(errors)}):
            for one, more in errors_of(contender, seeds[1:]).items():
                errors[one] = np.concatenate([errors[one], more])
    if has_bound:
        folds = np.random.default_rng(seeds[0]).permutation(len(test.images)) % _FOLDS
        whole = training(*test, seed=seeds[0], augmented=True)
        estimators = trained([replace(whole, rows=np.flatnonzero(folds != fold)) for fold in range(_FOLDS)])
        of_bound = np.empty((1, len(folds)))
        for fold, found in enumerate(estimators):
            held_out = folds == fold
            of_bound[0, held_out] = task.errors(found(test.images[held_out]), test.labels[held_out])
        errors[Set(f"real labels, {_FOLDS}-fold", "bound", augmented=True)] = of_bound
    scores, comparisons = summarise(errors, task)
    return Downstream(
        task=task.name,
        label=label,
        unit=task.unit,
        estimator=estimator,
        augmentation=DESCRIPTION,
        labels=compare_labels(task, synthetic.labels, test.labels).sentence,
        steps=steps,
        seeds=len(seeds),
        training_images=len(synthetic.images),
        test_images=len(test.images),
        trained=scores,
        comparisons=comparisons,
    )


def _best_matched(errors: Mapping[Set, Errors]) -> Sequence[str]:
    """The methods of matching with the smallest errors, with or without augmentation, best first."""
    smallest = {
        method: min(float(of_set.mean()) for one, of_set in errors.items() if one.name == method) for method in METHODS
    }
    return sorted(smallest, key=lambda method: smallest[method])[:_FINALISTS]


def _squared(outputs: Any, targets: Any) -> Any:
    """The paper's L2 loss on directions."""
    return ops.mean(ops.sum((outputs - targets) ** 2, axis=-1))
