from __future__ import annotations

import pytest

from simgan.runs.position import Position


def test_a_new_phase_begins_with_no_steps_and_the_same_phase_goes_on():
    position = Position("refiner_pretrain", 3, 5, 2)
    position.enter("refiner_pretrain")
    assert position == Position("refiner_pretrain", 3, 5, 2)
    position.enter("adversarial")
    assert position == Position("adversarial", 0, 5, 2)
    assert str(position) == "adversarial step 0"


@pytest.mark.parametrize(
    ("phase", "step", "past"),
    [
        ("refiner_pretrain", 999, True),
        ("discriminator_pretrain", 4, True),
        ("discriminator_pretrain", 5, False),
        ("adversarial", 1, False),
    ],
)
def test_what_is_past(phase, step, past):
    assert Position("discriminator_pretrain", 4).is_past(phase, step) == past


def test_it_is_saved_and_loaded():
    position = Position()
    position.load_state_dict(Position("adversarial", 7, 30, 9).state_dict())
    assert position == Position("adversarial", 7, 30, 9)


@pytest.mark.parametrize(
    "change", [{"phase": "sleep"}, {"step": -1}, {"step": 1.5}, {"real_batches": True}, {"synthetic_batches": 2**60}]
)
def test_what_is_no_position_is_refused(change):
    with pytest.raises(ValueError, match="position"):
        Position().load_state_dict(Position().state_dict() | change)
