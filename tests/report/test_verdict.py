from __future__ import annotations

import pytest

from simgan.evaluation.results import Distance, Downstream, Evaluation, Interval, Trained
from simgan.report.verdict import downstream_in_words, health, sentences

HALF = Interval(estimate=0.5, low=0.4, high=0.6)


def score(estimate: float, low: float, high: float) -> Downstream:
    return Downstream(
        task="angle",
        label="gaze",
        unit="degrees",
        estimator="small",
        steps=1,
        seeds=1,
        training_images=1,
        test_images=1,
        trained=(Trained(on="refined", error=HALF, each_seed=(0.5,), within={}),),
        refined_minus_synthetic=Interval(estimate=10 * estimate, low=10 * low, high=10 * high),
        union_minus_synthetic=HALF,
        relative=Interval(estimate=estimate, low=low, high=high),
    )


def test_help_harm_and_neither_are_told_apart_by_the_interval():
    assert "helps" in downstream_in_words(score(-0.5, -0.6, -0.4))
    assert "50% lower (95 % interval 40% to 60%)" in downstream_in_words(score(-0.5, -0.6, -0.4))
    assert "harms" in downstream_in_words(score(0.2, 0.1, 0.3))
    assert "20% higher (95 % interval 10% to 30%)" in downstream_in_words(score(0.2, 0.1, 0.3))
    assert "No difference is certain" in downstream_in_words(score(-0.1, -0.3, 0.1))


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
    assert health([GOOD] * 8, None) == []
    assert health([], None) == []


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
    said = health([GOOD | changes] * 8, None)
    assert len(said) == 1
    assert word in said[0]


def test_trouble_that_has_passed_is_said_with_its_steps():
    bad = {"discriminator_real_accuracy": 1.0, "discriminator_refined_accuracy": 1.0}
    records = [GOOD | {"step": 40 * n} | (bad if 3 <= n < 9 else {}) for n in range(1, 15)]
    (said,) = health(records, None)
    assert said.startswith("Steps 120 to 320: D is right")


def test_history_that_was_never_full_is_said():
    (said,) = health([GOOD | {"history_fill": 0.1 * n} for n in range(1, 8)], None)
    assert "not full at the end" in said
