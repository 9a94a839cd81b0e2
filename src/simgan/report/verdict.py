"""Sentences of the report: what was measured, and warnings."""

from collections.abc import Sequence
from typing import Any

from simgan.evaluation.results import Distance, Downstream, Evaluation, decisive, drift_in_words
from simgan.runs.position import ADVERSARIAL
from simgan.settings.config import TrainConfig
from simgan.training.health import raised_alarms

_WAITING = 0.05  # share of the time


FREE_IN_WORDS = {
    "synthetic": "the synthetic images as they are",
    "histogram": "histogram matching",
    "colour": "colour transfer",
    "pca": "pixel distribution adaptation",
    "framing": "matching the framing",
    "mixed": "a mix of all methods of matching",
    "fda-0.01": "Fourier domain adaptation (0.01)",
    "fda-0.05": "Fourier domain adaptation (0.05)",
    "fda-0.09": "Fourier domain adaptation (0.09)",
}
"""The free sets of training images."""
REFINED_IN_WORDS = (
    "Images of the set 'refined' are refined by random strengths from 0.5 to 1, as 'simgan refine' does by default; "
    "'refined whole' means refined with --strength 1."
)
"""The sets of training images that a refiner makes."""
MEASURED_WHOLE = (
    "Drift, losses of labels, structural similarity and distances are those of images refined whole (--strength 1). "
    "This is the worst case of drift and losses: random strengths change images less."
)
"""What was measured on refined images by other means than estimators."""


def downstream_in_words(score: Downstream) -> str:
    """Whether refining was worth it, against the best free alternative, in one sentence with its interval."""
    found = decisive(score)
    difference, change, unit = found.difference, found.relative or found.difference, ""
    form = ".0%"
    if found.relative is None:  # the free error may be 0, of which nothing is a share
        form, unit = ".2g", f" ({score.unit})"
    trained = f"trained on {found.on} images, the error in {score.label} on real images"
    interval = f"95 % interval of the change: {change.low:+{form}} to {change.high:+{form}}"
    free = (
        f"the best free alternative, {FREE_IN_WORDS[found.best_free]}, {'with' if found.augmented else 'without'} "
        "augmentation on both sides."
    )
    size = f"{abs(change.estimate):{form}}{unit}"
    if difference.high < 0:
        return f"Refining pays: {trained} is {size} lower ({interval}) than with {free}"
    if difference.low > 0:
        return f"Refining does not pay here: {trained} is {size} higher ({interval}) than with {free}"
    return (
        f"No certain gain from refining: {trained} changes by {change.estimate:+{form}}{unit} ({interval}) against "
        f"{free} The free alternative suffices unless more labelled real images or more --seeds show otherwise."
    )


def distance_in_words(found: Sequence[Distance]) -> list[str]:
    """How well images can be distinguished from real ones, one sentence for each two-sample test."""
    return [
        f"A new classifier of {distance.measure.partition(', ')[2]} distinguishes refined from real ones with an "
        f"accuracy of {distance.refined.estimate:.0%}, and synthetic from real ones with one of "
        f"{distance.synthetic.estimate:.0%}; 50% is guessing."
        for distance in found
        if distance.measure.startswith("told apart")
    ]


def sentences(found: Evaluation | None) -> list[str]:
    """The verdict on a run."""
    if found is None:
        return ["Not measured yet. Run: simgan evaluate RUN --real-test LABELLED_REAL_IMAGES"]
    said = [downstream_in_words(score) for score in found.downstream]
    if not said:
        said.append(
            "Whether training on refined images helps was not measured: give labelled real images to "
            "simgan evaluate RUN --real-test."
        )
    return said + [drift_in_words(drift) for drift in found.drift] + distance_in_words(found.distances)


def health(metrics: Sequence[dict[str, Any]], config: TrainConfig) -> list[str]:
    """Warnings from the records of a training."""
    said = list(raised_alarms(metrics, config.drift_budget, config.keep_label))
    records = [record for record in metrics if record.get("phase") == ADVERSARIAL]
    if records and float(records[-1].get("history_fill", 1.0)) < 1.0:
        said.append("The history buffer was not full at the end: a smaller --history-size would have been enough.")
    waiting = sum(float(record.get("waiting_for_data", 0.0)) for record in records) / max(1, len(records))
    if waiting > _WAITING:
        said.append(f"{waiting:.0%} of the time was spent waiting for data: a faster disk, or HDF5, would help.")
    return said
