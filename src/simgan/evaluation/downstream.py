"""The downstream score: does training on refined images help on real ones?"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from keras import ops
from numpy.typing import NDArray

from simgan.evaluation.bootstrap import interval, resampled_means
from simgan.evaluation.estimator import train_estimator
from simgan.evaluation.networks import network
from simgan.evaluation.results import Downstream, Trained
from simgan.evaluation.tasks import Task

Errors = NDArray[np.float64]
SetName = Literal["synthetic", "refined", "union"]
_SETS: tuple[SetName, ...] = ("synthetic", "refined", "union")


class Labelled(NamedTuple):
    """Images (N, H, W, C) in [-1, 1], and a label (N, ...)."""

    images: NDArray[np.float32]
    labels: NDArray[Any]


def downstream(
    synthetic: Labelled,
    refined: NDArray[np.float32],
    test: Labelled,
    task: Task,
    *,
    label: str,
    estimator: str = "small",
    steps: int = 1200,
    seeds: Sequence[int] = (0, 1, 2),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Downstream:
    """Trains the same estimator on synthetic images, on refined images and on both, and tests each on real images.

    Each set gets the same number of steps and the same batch size. Trainings with the same seed start with the same
    weights and the same random state.

    Args:
        synthetic: the training images as they were rendered.
        refined: the same images refined, (N, H, W, C) in [-1, 1].
        test: labelled real images, which are used for nothing but the errors.
        task: how the label is learnt and scored.
        label: name of the label.
        estimator: `small`, `paper`, or the path of a .keras file.
        steps: training steps of each estimator.
        seeds: for each seed one estimator is trained on each set.
        on_progress: called with the number of steps done and of all steps of all trainings.
    """
    both = Labelled(np.concatenate([synthetic.images, refined]), np.concatenate([synthetic.labels] * 2))
    sets = dict(zip(_SETS, (synthetic, Labelled(refined, synthetic.labels), both), strict=True))
    total, done = len(sets) * len(seeds) * steps, 0

    def errors_of(data: Labelled, seed: int) -> Errors:
        nonlocal done
        trained = train_estimator(
            data.images,
            task.targets(data.labels),
            network=network(estimator),
            loss=_squared if estimator == "paper" and task.name == "angle" else task.loss,
            standardised=task.standardised and not (estimator == "paper" and task.name == "angle"),
            steps=steps,
            seed=seed,
            on_progress=lambda step, _: on_progress(done + step, total),
        )
        done += steps
        return task.errors(trained(test.images), test.labels)

    errors: dict[SetName, Errors] = {
        name: np.stack([errors_of(data, seed) for seed in seeds]) for name, data in sets.items()
    }
    return summarise(
        errors,
        task,
        label=label,
        estimator=estimator,
        steps=steps,
        training_images=len(synthetic.images),
    )


def summarise(
    errors: dict[SetName, Errors],
    task: Task,
    *,
    label: str,
    estimator: str,
    steps: int,
    training_images: int,
) -> Downstream:
    """The downstream score, from the errors (seeds, test images) of the estimators of each set."""
    resampled = dict(zip(errors, resampled_means(list(errors.values())), strict=True))
    mean = {name: float(of_set.mean()) for name, of_set in errors.items()}
    raw: SetName = "synthetic"
    return Downstream(
        task=task.name,
        label=label,
        unit=task.unit,
        estimator=estimator,
        steps=steps,
        seeds=len(errors[raw]),
        training_images=training_images,
        test_images=errors[raw].shape[1],
        trained=tuple(
            Trained(
                on=name,
                error=interval(mean[name], resampled[name]),
                each_seed=tuple(of_set.mean(axis=1).tolist()),
                within={f"{limit:g} {task.unit}": float((of_set < limit).mean()) for limit in task.thresholds},
            )
            for name, of_set in errors.items()
        ),
        refined_minus_synthetic=interval(mean["refined"] - mean[raw], resampled["refined"] - resampled[raw]),
        union_minus_synthetic=interval(mean["union"] - mean[raw], resampled["union"] - resampled[raw]),
        relative=interval(
            mean["refined"] / max(mean[raw], 1e-12) - 1, resampled["refined"] / np.maximum(resampled[raw], 1e-12) - 1
        ),
    )


def _squared(outputs: Any, targets: Any) -> Any:
    """The paper's L2 loss on directions."""
    return ops.mean(ops.sum((outputs - targets) ** 2, axis=-1))
