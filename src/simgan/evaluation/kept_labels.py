"""Measures whether the labels that a training kept are still true, by networks that the training did not use."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.evaluation.bootstrap import interval, resampled_means
from simgan.evaluation.estimator import Training, train_estimators
from simgan.evaluation.refined_sample import Sample
from simgan.evaluation.results import KeptLabel
from simgan.images import ImageSource
from simgan.matching import match_images
from simgan.settings.label_budget import LabelBudget, parse_label_budget
from simgan.tasks.choice import choose_task
from simgan.tasks.detection import Detection
from simgan.tasks.lost_label import lost_by_each_image
from simgan.tasks.photometric import photometric
from simgan.tasks.segmentation import Segmentation
from simgan.tasks.task import Task


def measure_kept_labels(
    source: ImageSource,
    sample: Sample,
    photographs: NDArray[np.float32],
    budgets: Sequence[str],
    *,
    steps: int,
    seed: int,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[tuple[KeptLabel, ...], list[str]]:
    """How much of each label is lost in a sample, and warnings about labels that cannot be measured.

    Args:
        source: the data set of the sample, with its labels.
        sample: synthetic images and their refined versions.
        photographs: (M, h, w, C) in [-1, 1].
        budgets: the labels that the training kept, as in `TrainConfig.keep_label`. Masks and boxes are left out: the
            drift budget keeps them, and the drift of content is measured elsewhere.
        steps: training steps of each network.
        seed: seed of the split and of the networks.
        on_progress: called with the number of steps done, and the number of all steps of one network.
    """
    found, warnings = [], []
    for budget in map(parse_label_budget, budgets):
        try:
            labels = source.labels(budget.name, sample.indices)
            task = choose_task(budget.name, labels, sample.size)
        except DataError as error:
            warnings.append(f"It was not measured how much of the label {budget.name!r} is lost ({error})")
            continue
        if isinstance(task, Segmentation | Detection):
            continue
        if budget.unit == "px" and sample.resized:
            warnings.append(
                f"It was not measured how much of the label {budget.name!r} is lost: the label is in pixels, and the "
                "images have several sizes."
            )
            continue
        targets = np.asarray(task.targets(labels), np.float32)
        found.append(_measured(budget, task, targets, sample, photographs, steps, seed, on_progress))
    return tuple(found), warnings


def _measured(
    budget: LabelBudget,
    task: Task,
    targets: NDArray[np.float32],
    sample: Sample,
    photographs: NDArray[np.float32],
    steps: int,
    seed: int,
    on_progress: Callable[[int, int], None],
) -> KeptLabel:
    """Measures how much of one label is lost in a fifth of the images, by a network that reads the label.

    The network learns from the other four fifths of the unrefined images, as they are and matched to photographs. It
    never sees refined images: from these it would learn to read the label from traces that R leaves.
    """
    shuffled = np.random.default_rng(seed).permutation(len(targets))
    held_out, seen = np.split(shuffled, [max(1, len(targets) // 5)])
    training = Training(
        np.concatenate([sample.unrefined, match_images(sample.unrefined, photographs, "mixed", seed=seed)]),
        np.concatenate([targets, targets]),
        rows=np.concatenate([seen, seen + len(targets)]),
        loss=task.loss,
        standardised=task.standardised,
        steps=steps,
        seed=seed,
        augment=photometric,
    )
    (read,) = train_estimators([training], on_progress)
    before, after = (read(images[held_out]) for images in (sample.unrefined, sample.refined))
    lost = lost_by_each_image(task, before, after, targets[held_out])
    factor = 100 if budget.unit == "%" else 1
    if not len(lost):  # the network reads no class correctly, so no class can be lost
        lost = np.zeros(1)
    mean = interval(factor * float(lost.mean()), factor * resampled_means([lost[None]])[0])
    own = lost_by_each_image(task, targets[held_out], before, targets[held_out])
    return KeptLabel(
        label=budget.name,
        unit=budget.unit,
        budget=budget.amount,
        lost=mean,
        own_error=factor * float(own.mean()),
        images=len(held_out),
    )
