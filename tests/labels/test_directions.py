from __future__ import annotations

import numpy as np
import pytest

from simgan.labels import are_directions

UNIT = np.array([[0.6, 0.8, 0.0], [0.0, 0.0, -1.0]])


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("normal", UNIT, True),
        ("normal", UNIT * 1.02, False),
        ("normal", UNIT.astype(int), False),
        ("gaze", np.full((2, 2), np.pi), True),
        ("left_Gaze", np.full((2, 2), -0.5), True),
        ("gaze", np.full((2, 2), 3.2), False),
        ("gaze", np.array([[0.1, np.nan]]), False),
        ("iris", np.full((2, 2), 0.5), False),
        ("gaze", np.zeros(2), False),
        ("gaze", np.zeros((2, 4)), False),
    ],
)
def test_unit_vectors_and_named_pitch_and_yaw_in_radians(name, labels, expected):
    assert are_directions(name, labels) is expected
