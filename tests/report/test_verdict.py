from __future__ import annotations

import pytest

from simgan.evaluation.results import Distance, Evaluation, Interval
from simgan.matching import METHODS
from simgan.report.verdict import FREE_IN_WORDS, downstream_in_words, health, sentences
from simgan.settings.config import TrainConfig

HALF = Interval(estimate=0.5, low=0.4, high=0.6)


ERRORS = {("histogram", True): 10.0, ("refined", True): 5.0}


@pytest.fixture
def in_words(make_score):
    """The verdict on a difference from an error of 10 (estimate, low, high), with augmentation."""

    def read(*difference: float) -> str:
        return downstream_in_words(make_score(ERRORS, {("refined", True, "histogram"): difference}))

    return read


def test_refining_that_pays(in_words):
    assert in_words(-5, -6, -4) == (
        "Refining pays: trained on refined images, the error in gaze on real images is 50% lower (95 % interval of "
        "the change: -60% to -40%) than with the best free alternative, histogram matching, with augmentation on both "
        "sides."
    )


def test_refining_that_does_not_pay(in_words):
    assert in_words(2, 1, 3) == (
        "Refining does not pay here: trained on refined images, the error in gaze on real images is 20% higher (95 % "
        "interval of the change: +10% to +30%) than with the best free alternative, histogram matching, with "
        "augmentation on both sides."
    )


@pytest.mark.parametrize(("low", "high", "shown"), [(-3, 1, "-30% to +10%"), (0, 1, "+0% to +10%")])
def test_no_certain_difference_is_not_said_to_be_none(in_words, low, high, shown):
    assert in_words(-1, low, high) == (
        "No certain gain from refining: trained on refined images, the error in gaze on real images changes by -10% "
        f"(95 % interval of the change: {shown}) against the best free alternative, histogram matching, with "
        "augmentation on both sides. The free alternative suffices unless more labelled real images or more --seeds "
        "show otherwise."
    )


def test_an_error_of_nothing_has_a_difference_and_no_share(make_score):
    score = make_score(
        {("synthetic", False): 1e-9, ("refined", False): 0.5}, {("refined", False, "synthetic"): (0.5, 0.25, 1)}
    )
    (comparison,) = score.comparisons
    score = score.model_copy(update={"comparisons": (comparison.model_copy(update={"relative": None}),)})
    assert downstream_in_words(score) == (
        "Refining does not pay here: trained on refined images, the error in gaze on real images is 0.5 (degrees) "
        "higher (95 % interval of the change: +0.25 to +1) than with the best free alternative, the synthetic images "
        "as they are, without augmentation on both sides."
    )


def test_every_free_set_has_its_words():
    assert set(FREE_IN_WORDS) == {"synthetic", "framing", *METHODS}


def test_what_was_not_measured_is_said():
    assert "simgan evaluate" in sentences(None)[0]
    told = Distance(measure="told apart from real, images", ideal=0.5, synthetic=HALF, refined=HALF)
    said = sentences(Evaluation(date="", command="", distances=(told,)))
    assert "was not measured" in said[0]
    assert "50%" in said[1]


GOOD = {
    "phase": "adversarial",
    "step": 40,
    "refiner_change": 0.1,
    "discriminator_real_accuracy": 0.7,
    "discriminator_refined_accuracy": 0.6,
    "history_fill": 1.0,
    "waiting_for_data": 0.01,
}


def test_a_good_training_has_no_warning():
    assert health([GOOD] * 8, TrainConfig()) == []
    assert health([], TrainConfig()) == []


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"refiner_change": 0.001}, "next to nothing"),
        ({"discriminator_real_accuracy": 1.0, "discriminator_refined_accuracy": 0.995}, "R has lost"),
        ({"discriminator_real_accuracy": 0.49, "discriminator_refined_accuracy": 0.51}, "guessing"),
        ({"waiting_for_data": 0.3}, "waiting"),
    ],
)
def test_each_trouble_is_said_once(changes, word):
    said = health([GOOD | changes] * 8, TrainConfig())
    assert len(said) == 1
    assert word in said[0]


def test_trouble_that_has_passed_is_said_with_its_steps():
    bad = {"discriminator_real_accuracy": 1.0, "discriminator_refined_accuracy": 1.0}
    records = [GOOD | {"step": 40 * n} | (bad if 3 <= n < 9 else {}) for n in range(1, 15)]
    (said,) = health(records, TrainConfig())
    assert said.startswith("Steps 120 to 320: D is right")


def test_history_that_was_never_full_is_said():
    (said,) = health([GOOD | {"history_fill": 0.1 * n} for n in range(1, 8)], TrainConfig())
    assert "not full at the end" in said
