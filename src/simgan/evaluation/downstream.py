"""The downstream score: do estimators make smaller errors on real images after refining than after what is free?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from keras import ops
from numpy.typing import NDArray

from simgan.errors import ConfigError
from simgan.evaluation.comparison import Errors, Set, errors_of_seeds, summarise
from simgan.evaluation.contenders import ALL, MATCHED, SYNTHETIC, WITH_REFINED, Contender, contenders
from simgan.evaluation.estimator import Estimator, Training, train_estimators
from simgan.evaluation.label_distribution import compare_labels
from simgan.evaluation.results import Downstream
from simgan.matching import FramingMatch, choose_framing
from simgan.tasks.networks import Network, network
from simgan.tasks.photometric import DESCRIPTION, photometric
from simgan.tasks.task import Task

_FOLDS = 3
_BOUND_FROM = 300  # labelled real images: estimators learn too little from fewer
_FINALISTS = 2  # methods of matching that are trained on with every seed
_TESTED_AT_ONCE = 512  # images


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
    plain: bool = True,
    unrefined: NDArray[np.float32] | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Downstream:
    """Trains the same estimator on refined images and on every free alternative, and tests each on real images.

    Each set is trained on with and without augmentation, with the same number of steps and the same batch size.
    Trainings with the same seed start with the same weights and the same random state. All sets are trained on with
    the first seed. With the other seeds, only the synthetic images, the sets with refined images, and the sets of the
    two best methods of matching are trained on. With 300 labelled real images or more, a bound is added: estimators
    trained on these, cross-validated.

    Args:
        synthetic: the training images as they were rendered.
        refined: the same images refined whole, (N, H, W, C) in [-1, 1].
        photographs: real images without labels, (M, h, w, C) in [-1, 1], for the methods of matching.
        test: labelled real images, on which the errors are measured. The two best methods of matching are those with
            the smallest errors on them, which favours these methods a little. The bound is trained on them too.
        task: how the label is learnt and scored.
        label: name of the label.
        estimator: `small`, `paper`, or the path of a .keras file.
        steps: training steps of each estimator.
        seeds: of the trainings. The methods of matching draw photographs by the first.
        plain: whether each set is trained on without augmentation as well.
        unrefined: what R refined, if not `synthetic.images`; see `contenders`.
        on_progress: called with the number of steps done, and the number of steps of all trainings.
    """
    has_bound = len(test.images) >= _BOUND_FROM
    found = _framing(synthetic.images, photographs, task)
    framing = found.framing
    with_every_seed = {SYNTHETIC, *WITH_REFINED}
    sets, finalists = len(ALL) - (framing is None), len(with_every_seed) + _FINALISTS
    of_seeds = sets + finalists * (len(seeds) - 1)
    trainings = (1 + plain) * of_seeds + _FOLDS * has_bound
    trainer = _Trainer(
        task, test, estimator, steps, plain=plain, on_progress=lambda done: on_progress(done, trainings * steps)
    )
    make_sets = partial(
        contenders, synthetic.images, refined, photographs, unrefined=unrefined, framing=framing, seed=seeds[0]
    )
    errors: dict[Set, Errors] = {}
    for pair in _pairs(make_sets()):
        errors |= trainer.errors_of(pair, synthetic.labels, seeds[:1])
    if seeds[1:]:
        for pair in _pairs(make_sets(among=with_every_seed.union(_best_matched(errors, task)))):
            for one, more in trainer.errors_of(pair, synthetic.labels, seeds[1:]).items():
                errors[one] = np.concatenate([errors[one], more])
    if has_bound:
        errors[Set(f"real labels, {_FOLDS}-fold", "bound", augmented=True)] = trainer.errors_of_bound(seeds[0])
    scores, comparisons = summarise(errors, task)
    return Downstream(
        task=task.name,
        label=label,
        unit=task.unit,
        estimator=estimator,
        augmentation=DESCRIPTION,
        labels=compare_labels(task, synthetic.labels, test.labels).sentence,
        framing=found.sentence,
        steps=steps,
        seeds=len(seeds),
        training_images=len(synthetic.images),
        test_images=len(test.images),
        trained=scores,
        comparisons=comparisons,
    )


class _Trainer:
    """Trains estimators of one kind, and measures their errors on the labelled real images `test`.

    `on_progress` is called with the number of steps of all trainings so far.
    """

    def __init__(
        self,
        task: Task,
        test: Labelled,
        estimator: str,
        steps: int,
        *,
        plain: bool,
        on_progress: Callable[[int], None],
    ) -> None:
        squared = estimator == "paper" and task.name == "angle"  # the paper's loss
        self._task, self._test, self._steps = task, test, steps
        self._training = partial(
            Training,
            network=network_of(task, estimator),
            outputs=task.outputs,
            loss=_squared if squared else task.loss,
            standardised=task.standardised and not squared,
            steps=steps,
            batch_size=task.batch_size,
            learning_rate=task.learning_rate,
        )
        self._augmented = (False, True) if plain else (True,)
        self._done, self._on_progress = 0, on_progress

    def errors_of(self, sets: Sequence[Contender], labels: NDArray[Any], seeds: Sequence[int]) -> dict[Set, Errors]:
        """Trains on each of `sets` with each seed; returns the errors. `labels`: (N, ...) of the synthetic images."""
        targets, trainings = self._task.targets(labels), {}
        for contender in sets:
            repeated = np.concatenate([targets] * (len(contender.images) // len(labels)))
            for augmented in self._augmented:
                trainings[Set(contender.name, contender.kind, augmented)] = [
                    self._training(contender.images, repeated, seed=seed, augment=photometric if augmented else None)
                    for seed in seeds
                ]
        estimators = self._train([training for of_set in trainings.values() for training in of_set])
        all_rows = np.arange(len(self._test.images))
        errors = [self._errors_on(all_rows, estimator) for estimator in estimators]
        return dict(zip(trainings, np.split(np.stack(errors), len(trainings)), strict=True))

    def errors_of_bound(self, seed: int) -> Errors:
        """Errors of estimators trained on the real images; none is tested on the images on which it was trained."""
        images, labels = self._test
        folds = np.random.default_rng(seed).permutation(len(images)) % _FOLDS
        whole = self._training(images, self._task.targets(labels), seed=seed, augment=photometric)
        estimators = self._train([replace(whole, rows=np.flatnonzero(folds != fold)) for fold in range(_FOLDS)])
        held_out = [np.flatnonzero(folds == fold) for fold in range(_FOLDS)]
        errors = np.concatenate(
            [self._errors_on(rows, estimator) for rows, estimator in zip(held_out, estimators, strict=True)]
        )
        return errors[None, np.argsort(np.concatenate(held_out))]

    def _errors_on(self, rows: NDArray[np.int64], estimator: Estimator) -> NDArray[np.float64]:
        """What the test images `rows` contribute to the error. They are tested in parts: outputs may be large maps."""
        parts = np.array_split(rows, -(-len(rows) // _TESTED_AT_ONCE))
        images, labels = self._test
        return np.concatenate([self._task.errors(estimator(images[part]), labels[part]) for part in parts])

    def _train(self, trainings: Sequence[Training]) -> list[Estimator]:
        before = self._done
        found = train_estimators(trainings, lambda done, _: self._on_progress(before + done))
        self._done += len(trainings) * self._steps
        return found


def network_of(task: Task, estimator: str) -> Network:
    """The network that learns the task: the task's own, or the user's choice; see `networks.network`.

    Raises:
        ConfigError: the task has a network of its own and the user asks for another, or the user's does not fit.
    """
    if task.network is None:
        return network(estimator)
    if estimator != "small":
        raise ConfigError(
            f"estimator: expected small, the only one for {task.name}, received {estimator}; leave --estimator out."
        )
    return task.network


def _framing(synthetic: NDArray[np.float32], photographs: NDArray[np.float32], task: Task) -> FramingMatch:
    """How the set `framing` is made, if the label of the task stays true."""
    if task.name not in ("classification", "angle"):
        return FramingMatch(None, "")  # positions would become wrong with the framing
    return choose_framing(synthetic, photographs, has_directions=task.name == "angle")


def _pairs(sets: Iterator[Contender]) -> Iterator[list[Contender]]:
    """The sets two by two, so that two trainings or more run at once, but only two sets are in memory."""
    while pair := list(islice(sets, 2)):
        yield pair


def _best_matched(errors: Mapping[Set, Errors], task: Task) -> Sequence[str]:
    """The methods of matching with the smallest errors, with or without augmentation, best first."""
    smallest = {
        name: min(errors_of_seeds(of_set, task)[0] for one, of_set in errors.items() if one.name == name)
        for name in MATCHED
        if any(one.name == name for one in errors)
    }
    return sorted(smallest, key=lambda name: smallest[name])[:_FINALISTS]


def _squared(outputs: Any, targets: Any) -> Any:
    """The paper's L2 loss on directions."""
    return ops.mean(ops.sum((outputs - targets) ** 2, axis=-1))
