from __future__ import annotations

import pytest

from simgan.turing.result import summary
from simgan.turing.trial import Plan, Trial


def plan_of(*kinds):
    trials = tuple(Trial(kind, place) for place, kind in enumerate(kinds))
    return Plan(date="d", form="blind", seed=0, synthetic_count=2000, real_count=2000, trials=trials)


def test_confusion_is_counted_by_kind_and_answer(plan):
    result = summary("0001", plan, ["real", "real", "refined", "refined"])
    assert (result.real_as_real, result.real_as_refined) == (1, 1)
    assert (result.refined_as_real, result.refined_as_refined) == (1, 1)
    assert (result.correct, result.answered, result.finished) == (2, 4, True)


def test_seven_of_eight_by_hand():
    kinds = ["real", "refined"] * 4
    result = summary("1", plan_of(*kinds), [*kinds[:7], "real"])
    # P(7 or 8 of 8) = (8 + 1) / 256, and as much on the other side.
    assert result.p_value == pytest.approx(18 / 256)
    assert result.accuracy.estimate == 7 / 8
    assert result.verdict.startswith("Cannot be told apart")


def test_all_of_eight_by_hand():
    kinds = ["real", "refined"] * 4
    result = summary("1", plan_of(*kinds), kinds)
    assert result.p_value == pytest.approx(2 / 256)
    # Clopper and Pearson at n of n: the lower end is 0.025^(1/n).
    assert result.accuracy.low == pytest.approx(0.025 ** (1 / 8))
    assert result.accuracy.high == 1
    assert result.verdict.startswith("Told apart at the 5 % level: right")


def test_all_wrong_is_told_apart_too():
    kinds = ["real", "refined"] * 4
    result = summary("1", plan_of(*kinds), kinds[1:] + kinds[:1])
    assert result.correct == 0
    assert "names swapped" in result.verdict


def test_figures_of_the_paper():
    """Section 3.1: 517 of 1000 right, p = 0.148, which is one-sided."""
    kinds = ["real", "refined"] * 500
    answers = kinds[:517] + [{"real": "refined", "refined": "real"}[kind] for kind in kinds[517:]]
    result = summary("1", plan_of(*kinds), answers)
    assert result.correct == 517
    assert result.p_value / 2 == pytest.approx(0.148, abs=0.0005)


def test_unfinished_test_says_so(plan):
    result = summary("0001", plan, ["real"])
    assert not result.finished
    assert str(result).endswith("unfinished: 3 trials left")


def test_no_answer_is_no_result(plan):
    assert summary("0001", plan, []) is None
