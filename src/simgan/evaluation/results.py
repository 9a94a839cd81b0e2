"""What was measured on a run: the file evaluation/results.json of its folder, which the report shows."""

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simgan.errors import RunError
from simgan.files.folders import write_whole

FOLDER, _FILE = "evaluation", "results.json"
_OLDER = (1, 2)  # in 1 nothing is compared with free sets, in 2 `refined` images are refined whole
_LARGE_OWN_ERROR = 0.5  # share of the mean drift


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Interval(_Result):
    """An estimate and its 95 % interval."""

    estimate: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.estimate:.3g} ({self.low:.3g} to {self.high:.3g})"


class Trained(_Result):
    """Scores, on labelled real images, of the estimators that were trained on one set, one for each seed."""

    on: str
    """The set of training images: `synthetic`, a method of `simgan match`, `refined` (by random strengths), ...; see
    contenders.py."""
    kind: Literal["free", "refined", "bound"]
    """`free` needs no refiner; `bound` was trained on labels of real images, which users do not have."""
    augmented: bool
    """Whether the images were augmented in training; see `Downstream.augmentation`."""
    error: Interval
    """Mean over seeds of the error on all test images, in the unit of the task. Most errors are means over images;
    1 - mIoU and 1 - AP50 are computed from all images together."""
    each_seed: tuple[float, ...]
    """Error of the estimator of each seed on all test images."""
    within: dict[str, float]
    """Share of test images whose error is below a threshold, by the threshold's name, for example '5 degrees'."""


class Comparison(_Result):
    """A set with refined images against the best free set, both with augmentation or both without."""

    on: str
    augmented: bool
    best_free: str
    """The free set with the smallest error, found on the same test images, which favours it a little."""
    difference: Interval
    """Paired difference of the errors, below 0 if refined images are better; bootstrapped over test images and
    seeds."""
    relative: Interval | None
    """The difference as a share of the error of the free set: -0.4 is 40 % less. None if that error may be 0."""


class Downstream(_Result):
    """Does training on refined images help on real ones, more than what is free?"""

    date: str = ""
    """When the estimators were trained: ISO 8601, UTC. Evaluations without labelled real images keep a score."""
    task: Literal["angle", "vector", "points", "classification", "segmentation", "detection"]
    label: str
    unit: str
    """Unit of the errors: degrees, px, ...; 'wrong' for classification, whose error is the share of wrong classes;
    '1 - mIoU' for segmentation, '1 - AP50' for detection."""
    estimator: str
    augmentation: str
    """What the augmentation changes."""
    labels: str
    """How the labels are distributed in both sets."""
    framing: str = ""
    """How the set `framing` was made, or why it was not. Older versions did not record it."""
    steps: int
    seeds: int
    training_images: int
    test_images: int
    trained: Annotated[tuple[Trained, ...], Field(min_length=1)]
    comparisons: Annotated[tuple[Comparison, ...], Field(min_length=1)]


class DriftResult(_Result):
    """How far content moved in refining, px; in a run's evaluation, of images refined whole."""

    measured_by: str
    """'localiser of iris_centre', or 'optical flow'."""
    mean: float
    p95: float
    worst: float
    own_error: float | None
    """Mean error of the localiser on unrefined images, px; a drift below it cannot be distinguished from no drift."""
    images: int
    histogram: Annotated[tuple[int, ...], Field(min_length=1)]
    """Images in bins of equal width from 0 to `worst`."""
    worst_images: tuple[tuple[str, float], ...]
    """Names and drifts of the ten worst, worst first; their picture is `picture` in the same folder."""
    picture: str | None = None


class KeptLabel(_Result):
    """How much of a label that the training kept is lost, by a network that the training never saw."""

    label: str
    unit: Literal["%", "deg", "px", ""]
    """Of all numbers here: share of images whose class is no longer read, degrees, px, or units of the label."""
    budget: float
    lost: Interval
    own_error: float
    """The network's own error on unrefined images, in the same unit."""
    images: int


class Distance(_Result):
    """How far two sets of images are from the real ones, by one measure."""

    measure: str
    """For example 'KID, random features'."""
    ideal: float
    """The distance between two halves of the real images."""
    synthetic: Interval
    refined: Interval
    """Of images refined whole."""


class Evaluation(_Result):
    """Everything that `simgan evaluate` measured."""

    version: Literal[3] = 3
    date: str
    """ISO 8601, UTC."""
    command: str
    downstream: tuple[Downstream, ...] = ()
    drift: tuple[DriftResult, ...] = ()
    kept_labels: tuple[KeptLabel, ...] = ()
    structural_similarity: float | None = None
    """Mean over images, 1 is unchanged."""
    distances: tuple[Distance, ...] = ()
    warnings: tuple[str, ...] = ()


def decisive(score: Downstream) -> Comparison:
    """The comparison that decides: that of the best set with refined images, with augmentation if the best free set
    was trained on with augmentation.

    Both sets were chosen by their errors on the same test images. This favours both, and the free set more, because it
    is the best of more sets.
    """
    best_free = {(comparison.best_free, comparison.augmented) for comparison in score.comparisons}
    rivals = [trained for trained in score.trained if (trained.on, trained.augmented) in best_free]
    augmented = min(rivals, key=lambda trained: trained.error.estimate).augmented
    candidates = [comparison for comparison in score.comparisons if comparison.augmented == augmented]
    return min(candidates, key=lambda comparison: comparison.difference.estimate)


def drift_in_words(drift: DriftResult) -> str:
    """How far content moved, in one sentence."""
    sentence = (
        f"Drift by {drift.measured_by}: {drift.mean:.2f} px in the mean, {drift.p95:.2f} px at the 95th percentile, "
        f"{drift.worst:.2f} px at worst, on {drift.images} images"
    )
    if drift.own_error is not None:
        sentence += f"; on unrefined images the localiser is wrong by {drift.own_error:.2f} px in the mean"
    return f"{sentence}."


def kept_in_words(kept: KeptLabel) -> str:
    """How much of a label is lost, in one sentence."""
    unit = f" {kept.unit}" if kept.unit else ""
    return (
        f"Lost of the label {kept.label}: {kept.lost}{unit}, of {kept.budget:g}{unit} allowed, by a network that "
        f"has seen no refined images, on {kept.images} images; on unrefined images the network is wrong by "
        f"{kept.own_error:.3g}{unit}."
    )


def own_error_warning(drift: DriftResult) -> str | None:
    """A warning if the localiser's own error is more than half of the drift that it measured; else None."""
    if drift.own_error is None or drift.own_error <= _LARGE_OWN_ERROR * drift.mean:
        return None
    return (
        f"Much of the drift by {drift.measured_by} may be the localiser's own error ({drift.own_error:.2f} px), and "
        "the true drift may be smaller. Give more labelled images or more --steps."
    )


def write_evaluation(run: Path, evaluation: Evaluation) -> Path:
    """Writes the results into the run folder `run`, whole or not at all."""
    folder = run / FOLDER
    folder.mkdir(exist_ok=True)
    text = json.dumps(evaluation.model_dump(), ensure_ascii=False, indent=1)
    # Python reads bytes of file names that are not UTF-8 as lone surrogates, which JSON can only hold as escapes.
    write_whole(folder / _FILE, f"{text}\n".encode("utf-8", "backslashreplace"))
    return folder / _FILE


class OlderResultsError(RunError):
    """Results that an older version of simgan wrote, which this one cannot read."""


def read_evaluation(run: Path) -> Evaluation | None:
    """The results in the run folder `run`; None if nothing was measured yet.

    Raises:
        RunError: the file is not one that `write_evaluation` wrote.
        OlderResultsError: an older version of simgan wrote it.
    """
    path = run / FOLDER / _FILE
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, dict) and found.get("version") in _OLDER:
            raise OlderResultsError(
                f"evaluation: expected results of version 3, received {path} of an older version of simgan; measure "
                f"the run anew: simgan evaluate {run} --real-test LABELLED_REAL_IMAGES."
            )
        return Evaluation.model_validate(found)
    except (OSError, ValueError, ValidationError) as error:
        reason = str(error).partition("\n")[0]
        raise RunError(
            f"evaluation: expected what 'simgan evaluate' wrote in {path} ({reason}); run it anew."
        ) from None
