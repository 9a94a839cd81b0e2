"""A plan of four trials, its pictures, and a sitting on them."""

from __future__ import annotations

import pytest

from simgan.turing.answers import AnswerFile
from simgan.turing.pictures import Pictures
from simgan.turing.sitting import Sitting
from simgan.turing.trial import Plan, Trial

KINDS = ("real", "refined", "refined", "real")


@pytest.fixture
def plan() -> Plan:
    """Four trials: real, refined, refined, real."""
    return Plan(
        date="2026-01-02T03:04:05+00:00",
        form="blind",
        seed=1,
        synthetic_count=9,
        real_count=8,
        trials=tuple(Trial(kind, place) for place, kind in enumerate(KINDS)),
    )


@pytest.fixture
def sitting(tmp_path, plan) -> Sitting:
    """Someone in front of `plan`, in the run folder tmp_path; another test is of the same plan."""

    def begin():
        return AnswerFile.create(tmp_path, plan), Pictures(tuple(b"png%d" % n for n in range(4)), {})

    opened = Sitting(begin(), begin)
    yield opened
    opened.close()
