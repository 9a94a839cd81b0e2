from __future__ import annotations

import numpy as np
import pytest

from simgan.evaluation import angular_error
from simgan.eyes.geometry import gaze_vector


@pytest.mark.parametrize(
    ("pitch", "yaw", "expected"),
    [
        (0, 0, (0, 0, -1)),  # into the camera
        (0, 90, (-1, 0, 0)),
        (0, -90, (1, 0, 0)),
        (90, 0, (0, -1, 0)),  # up
        (-30, 0, (0, 0.5, -(0.75**0.5))),
        (60, 30, (-0.25, -(0.75**0.5), -(0.75**0.5) / 2)),
    ],
)
def test_gaze_vector_is_in_camera_axes(pitch, yaw, expected):
    assert gaze_vector(np.radians([[pitch, yaw]]))[0] == pytest.approx(expected, abs=1e-12)


def test_gaze_vectors_have_unit_length():
    gaze = np.random.default_rng(0).uniform(-2, 2, (50, 2))
    np.testing.assert_allclose(np.linalg.norm(gaze_vector(gaze), axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((10, 20), (10, 20), 0),
        ((0, 0), (0, 90), 90),
        ((0, 0), (90, 0), 90),
        ((0, 0), (0, 180), 180),
        ((0, 0), (0, 7.5), 7.5),
        ((5, 0), (-5, 0), 10),
        ((30, 0), (30, 60), 51.31781255),  # arccos(1/4 + 3/4 * 1/2)
        ((60, 0), (60, 180), 60),
    ],
)
def test_angle_between_two_directions(first, second, expected):
    error = angular_error(np.radians([first]), np.radians([second]))
    assert error == pytest.approx([expected], abs=2e-6)
    assert angular_error(np.radians([second]), np.radians([first])) == pytest.approx(error)


def test_each_pair_has_its_own_angle():
    predicted = np.radians([[0, 0], [0, 10], [20, 0]]).astype(np.float32)
    assert angular_error(predicted, np.zeros((3, 2), np.float32)) == pytest.approx([0, 10, 20], abs=1e-4)
