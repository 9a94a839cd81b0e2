"""`evaluate`: measures a run and writes the results into its folder.

Refines a sample of the synthetic images, then asks: did content move (drift), are the refined images closer to the
real ones (distances), and does training on them help on labelled real images (downstream)?
"""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from simgan.console.progress import show_progress
from simgan.console.silent import SILENT
from simgan.errors import ConfigError, RunError
from simgan.evaluation import (
    Labelled,
    discriminator_features,
    distances,
    downstream,
    model_features,
    random_features,
    structural_similarity,
)
from simgan.evaluation.downstream import network_of
from simgan.evaluation.features import FeatureExtractor
from simgan.evaluation.kept_labels import measure_kept_labels
from simgan.evaluation.label_distribution import compare_labels
from simgan.evaluation.refined_sample import (
    Sample,
    most_images,
    notes_on_fewer,
    photographs_like,
    refined_sample,
    shrunk_sample,
)
from simgan.evaluation.results import (
    Distance,
    Downstream,
    Evaluation,
    read_evaluation,
    write_evaluation,
)
from simgan.evaluation.same_classes import warnings_on_classes
from simgan.evaluation.sample_drift import measure_drift
from simgan.evaluation.shared_label import SharedLabel, notes_on, read_label, shared_label
from simgan.images import ImageSource
from simgan.images.channels import check_same_channels
from simgan.images.ranges import check_guessed_range
from simgan.images.sampling import evenly_spaced
from simgan.runs.run import Run, open_recorded, typed_range
from simgan.tasks.networks import network
from simgan.tasks.task import TaskName
from simgan.training.batches import load_image

_FEW = 100  # labelled real images: with fewer, intervals are wide


@dataclass(frozen=True)
class EvaluateConfig:
    """What is measured, and how thoroughly."""

    label: str | None = None
    """What estimators learn; by default the one label that synthetic and real test images share."""
    task: TaskName | None = None
    """By default it follows from the label's shape and type."""
    points: str | None = None
    """Label by which drift is measured; by default the first that holds points or masks."""
    estimator: str = "small"
    """`small`, `paper`, or the path of a .keras file."""
    steps: int = 600
    """Training steps of each estimator; the localiser gets twice as many."""
    two_sample_steps: int = 300
    """Training steps of each classifier that tells two sets apart."""
    seeds: int = 3
    """Number of estimators trained on a set with augmentation, with consecutive seeds; as many are trained without.
    Of the methods of matching, only the two best are trained on with more than one seed."""
    plain: bool = True
    """Whether estimators are trained without augmentation as well."""
    seed: int = 0
    """Seed of the first training, of the localiser and of all random draws."""
    images: int = 4096
    """Synthetic images used at most, evenly spaced; at most half as many real images are used."""
    features: Path | None = None
    """A .keras file of a feature network, whose features give further distances."""

    def __post_init__(self) -> None:
        for name in ("steps", "two_sample_steps", "seeds", "images"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: expected a positive number, received {getattr(self, name)}; leave it out.")

    def quick(self) -> "EvaluateConfig":
        """The same measurements for a first look: fewer images, steps and trainings, so intervals are wide."""
        return replace(self, steps=200, two_sample_steps=80, seeds=1, images=1024, plain=False)


def evaluate(
    run: Run,
    *,
    synthetic: ImageSource | None = None,
    real: ImageSource | None = None,
    real_test: ImageSource | None = None,
    config: EvaluateConfig | None = None,
    command: str = "simgan.evaluate",
    console: Console = SILENT,
) -> Evaluation:
    """Measures a run and writes evaluation/results.json and its pictures into the run folder.

    Args:
        run: a finished run.
        synthetic: by default the images that it was trained on.
        real: photographs without labels; by default those of the training.
        real_test: labelled real images. None: no downstream score is measured, and an earlier one is kept.
        config: what is measured.
        command: the command line, which the results record.
        console: where progress goes; by default nowhere.

    Raises:
        DataError: a data set is missing or unreadable, or a label cannot be used.
        ConfigError: the estimator or feature network does not fit.
    """
    with ExitStack() as opened:
        x = synthetic or opened.enter_context(open_recorded(run.data.synthetic))
        y = real or opened.enter_context(open_recorded(run.data.real))
        return _measure(run, x, y, real_test, config or EvaluateConfig(), command, console)


def _measure(
    run: Run,
    x: ImageSource,
    y: ImageSource,
    real_test: ImageSource | None,
    config: EvaluateConfig,
    command: str,
    console: Console,
) -> Evaluation:
    for compared in (y, real_test):
        if compared is not None:
            check_same_channels(x, compared)
            check_guessed_range(compared, typed_range(run.data.real))
    label = shared_label(x, real_test, config.label) if real_test is not None else None
    network(config.estimator)  # an estimator that does not fit is an error before the long work begins
    extractors = {} if config.features is None else {config.features.name: model_features(config.features)}
    warnings: list[str] = []
    earlier = _earlier_scores(run, warnings)
    sample = refined_sample(run, x, config.images, console)
    photographs = photographs_like(sample, x, y, config.images, warnings)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    shared, learnt, photographs_to_learn = None, sample, photographs
    if label is not None and real_test is not None:
        if sample.cropped:  # labels belong to whole images
            learnt = shrunk_sample(run, x, config.images, console)
            photographs_to_learn = photographs_like(learnt, x, y, config.images, warnings)
        shared = read_label(x, real_test, learnt, label, config.task)
        network_of(shared.task, config.estimator)
    drifts, of_drift = measure_drift(
        run, x, sample, config.points, steps=2 * config.steps, seed=config.seed, console=console
    )
    warnings += of_drift
    with show_progress(console, "labels that were kept", "steps") as on_progress:
        kept, of_kept = measure_kept_labels(
            x,
            sample,
            photographs,
            run.config.keep_label,
            steps=config.steps,
            seed=config.seed,
            on_progress=on_progress,
        )
    warnings += of_kept
    scores: tuple[Downstream, ...] = ()
    if shared is not None and label is not None and real_test is not None:
        score = _downstream(x, real_test, learnt, photographs_to_learn, label, shared, config, warnings, console)
        scores = (score.model_copy(update={"date": now}),)
    found = Evaluation(
        date=now,
        command=command,
        downstream=scores or earlier,
        drift=drifts,
        kept_labels=kept,
        structural_similarity=float(structural_similarity(sample.unrefined, sample.refined).mean()),
        distances=_distances(run, photographs, sample, extractors, config, console),
        warnings=tuple(warnings),
    )
    write_evaluation(run.path, found)
    return found


def _earlier_scores(run: Run, warnings: list[str]) -> tuple[Downstream, ...]:
    """The downstream score of an earlier evaluation, which is kept unless it is measured anew."""
    try:
        earlier = read_evaluation(run.path)
    except RunError as error:
        warnings.append(f"The results of an earlier evaluation could not be read and were replaced ({error})")
        return ()
    return earlier.downstream if earlier else ()


def _downstream(
    source: ImageSource,
    test: ImageSource,
    sample: Sample,
    photographs: NDArray[np.float32],
    label: str,
    shared: SharedLabel,
    config: EvaluateConfig,
    warnings: list[str],
    console: Console,
) -> Downstream:
    warnings += notes_on(shared.task, label, config.task)
    if compare_labels(shared.task, shared.synthetic, shared.real).differs:
        warnings.append(
            f"The labels {label!r} of {test.path} are distributed differently from those of {source.path}, which "
            "makes estimators worse whatever the refiner does. Render labels distributed as in the photographs."
        )
    warnings += warnings_on_classes(source, test, label)
    if len(test) < _FEW:
        warnings.append(f"Only {len(test)} labelled real images: the intervals are wide.")
    if config.seeds == 1:
        warnings.append(
            "One estimator was trained on each set: the intervals cover other test images, but not other trainings. "
            "simgan evaluate --seeds 3 covers both."
        )
    tested = evenly_spaced(len(test), most_images(sample.size, test.channels))
    warnings += notes_on_fewer(test, len(tested), len(test), sample.size)
    images = np.stack([load_image(test, index, sample.size) for index in tested])
    with show_progress(console, f"estimators of {label}", "steps") as on_progress:
        return downstream(
            Labelled(sample.synthetic, shared.synthetic),
            sample.refined,
            photographs,
            Labelled(images, shared.real[tested]),
            shared.task,
            label=label,
            estimator=config.estimator,
            steps=config.steps,
            seeds=range(config.seed, config.seed + config.seeds),
            plain=config.plain,
            unrefined=sample.unrefined,
            on_progress=on_progress,
        )


def _distances(
    run: Run,
    photographs: NDArray[np.float32],
    sample: Sample,
    user_extractors: dict[str, FeatureExtractor],
    config: EvaluateConfig,
    console: Console,
) -> tuple[Distance, ...]:
    """Distances from real images on random features, features of D and those of `user_extractors`, by file name."""
    of_synthetic = evenly_spaced(len(sample.synthetic), max(1, config.images // 2))
    extractors = {"random features": random_features(photographs.shape[-1])}
    if sample.size == (run.data.height, run.data.width):
        extractors["features of D"] = discriminator_features(run.discriminator)
    extractors |= user_extractors
    with show_progress(console, "distances", "steps") as on_progress:
        return distances(
            sample.unrefined[of_synthetic],
            sample.refined[of_synthetic],
            photographs,
            extractors,
            steps=config.two_sample_steps,
            seed=config.seed,
            on_progress=on_progress,
        )
