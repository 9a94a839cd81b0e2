from __future__ import annotations

from collections import Counter

import pytest

from simgan.errors import ConfigError, DataError
from simgan.turing.trial import Plan, draw_plan


def draw(**changes):
    given = {"synthetic_count": 90, "real_count": 80, "trials": 40, "form": "blind", "seed": 3, "date": "now"}
    return draw_plan(**(given | changes))


def test_half_are_real_and_no_image_comes_twice():
    plan = draw()
    assert Counter(trial.kind for trial in plan.trials) == {"real": 20, "refined": 20}
    assert len(set(plan.trials)) == 40
    assert all(0 <= trial.place < (80 if trial.kind == "real" else 90) for trial in plan.trials)


def test_all_images_of_a_set_are_used_if_it_is_just_large_enough():
    plan = draw(synthetic_count=20, real_count=20)
    assert sorted(trial.place for trial in plan.trials if trial.kind == "real") == list(range(20))


def test_sheets_hold_fifty_of_each_kind_and_none_that_is_judged():
    plan = draw(form="sheets", synthetic_count=70, real_count=70)
    for kind, sheet in (("real", plan.sheet_real), ("refined", plan.sheet_refined)):
        judged = {trial.place for trial in plan.trials if trial.kind == kind}
        assert sorted(judged | set(sheet)) == list(range(70))
        assert len(sheet) == 50


def test_order_follows_from_the_seed_and_is_not_sorted():
    kinds = ["".join(trial.kind[2] for trial in draw(seed=seed).trials) for seed in (3, 3, 4)]
    assert kinds[0] == kinds[1]
    assert kinds[0] != kinds[2]
    assert "a" * 20 not in kinds[0]


def test_position_says_nothing_of_the_kind():
    first = Counter(draw(trials=2, seed=seed).trials[0].kind for seed in range(400))
    assert 150 < first["real"] < 250  # five standard deviations of 400 fair throws


def test_plan_is_read_back_as_written():
    plan = draw(form="sheets")
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


@pytest.mark.parametrize("trials", [-2, 0, 1, 7])
def test_trials_that_are_not_half_and_half_are_refused(trials, only_line):
    with pytest.raises(ConfigError) as caught:
        draw(trials=trials)
    assert f"received {trials};" in only_line(str(caught.value))


@pytest.mark.parametrize(("changes", "name"), [({"real_count": 69}, "real"), ({"synthetic_count": 69}, "synthetic")])
def test_too_few_images_are_refused_by_the_name_of_the_set(changes, name):
    with pytest.raises(DataError, match=f"{name}: expected at least 70 images .*received 69"):
        draw(form="sheets", **changes)
