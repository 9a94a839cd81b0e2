from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from simgan.turing.sitting import RefusedError


def test_nothing_tells_the_truth_before_the_last_answer(sitting):
    state = sitting.state()
    for trial in range(3):
        assert state == {"test": "0001", "next": trial, "trials": 4, "sheet": 0}
        state = sitting.answer("0001", trial, "real")
    result = sitting.answer("0001", 3, "real")["result"]
    assert result["table"] == [[2, 0], [2, 0]]
    assert (result["correct"], result["accuracy"], result["p"]) == (2, 0.5, 1.0)


@pytest.mark.parametrize(("test", "trial"), [("0001", 0), ("0001", 2), ("0001", -1), ("0002", 1)])
def test_only_the_next_trial_is_answered(test, trial, sitting):
    sitting.answer("0001", 0, "real")
    with pytest.raises(RefusedError):
        sitting.answer(test, trial, "refined")
    assert sitting.state()["next"] == 1


def test_one_of_many_answers_at_once_counts(sitting):
    def answer(_):
        try:
            sitting.answer("0001", 0, "real")
        except RefusedError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(answer, range(40))) == 1
    assert sitting.result().answered == 1


def test_another_test_only_after_the_last_answer(sitting):
    with pytest.raises(RefusedError):
        sitting.another("0001")
    for trial in range(4):
        sitting.answer("0001", trial, "refined")
    assert sitting.another("0001")["test"] == "0002"
    with pytest.raises(RefusedError):
        sitting.another("0001")


def test_picture_of_another_test_or_place_is_none(sitting):
    assert sitting.picture("0001", "trial", 2) == b"png2"
    for asked in (("0002", "trial", 0), ("0001", "real", 0)):
        with pytest.raises(KeyError):
            sitting.picture(*asked)
    with pytest.raises(IndexError):
        sitting.picture("0001", "trial", 4)
