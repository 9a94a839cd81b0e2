"""The pinhole camera and the gaze convention, against figures worked out by hand."""

import numpy as np
import pytest

from simgan.eyes.geometry import Camera, gaze_vector, plane_coordinates, rotation


def test_gaze_vector_follows_the_convention() -> None:
    right_angle = np.pi / 2
    angles = np.array([[0.0, 0.0], [right_angle, 0.0], [0.0, right_angle], [np.pi / 6, np.pi / 3]], np.float32)
    expected = [
        [0.0, 0.0, -1.0],  # into the camera
        [0.0, -1.0, 0.0],  # up, y pointing down
        [-1.0, 0.0, 0.0],  # to the left of the image
        [-0.75, -0.5, -np.sqrt(3.0) / 4],  # cos 30 sin 60 = 3/4, sin 30 = 1/2, cos 30 cos 60 = sqrt 3 / 4
    ]
    np.testing.assert_allclose(gaze_vector(angles), expected, atol=1e-6)


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
def test_gaze_vector_is_in_camera_axes(pitch: int, yaw: int, expected: tuple[float, ...]) -> None:
    assert gaze_vector(np.radians([[pitch, yaw]]))[0] == pytest.approx(expected, abs=1e-12)


def test_gaze_vectors_have_unit_length() -> None:
    gaze = np.random.default_rng(0).uniform(-2, 2, (50, 2))
    np.testing.assert_allclose(np.linalg.norm(gaze_vector(gaze), axis=1), 1, rtol=1e-12)


def test_rotation_turns_the_resting_gaze_to_the_gaze_vector_without_roll() -> None:
    angles = np.array([[0.3, -0.4], [-0.5, 0.2], [0.0, 0.0]], np.float32)
    turned = rotation(angles)
    np.testing.assert_allclose(turned @ np.array([0.0, 0.0, -1.0]), gaze_vector(angles), atol=1e-6)
    np.testing.assert_allclose(turned @ turned.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (3, 3, 3)), atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(turned), 1.0, atol=1e-6)
    np.testing.assert_allclose(turned[:, 1, 0], 0.0, atol=1e-7)  # the eye's own horizontal stays level


def test_the_camera_is_that_of_mpiigaze_at_60_by_36() -> None:
    camera = Camera(36, 60)
    assert camera.focal == 960.0
    # 960 / 600 = 1.6 px a mm about the middle of the image, which is (29.5, 17.5) from the first pixel's centre
    points = np.array([[0.0, 0.0, 600.0], [10.0, 0.0, 600.0], [0.0, -5.0, 600.0], [6.0, 6.0, 480.0]], np.float32)
    expected = [[29.5, 17.5], [45.5, 17.5], [29.5, 9.5], [41.5, 29.5]]
    np.testing.assert_allclose(camera.project(points), expected, atol=1e-4)


def test_projection_of_a_known_gaze() -> None:
    # An eyeball at (0, 0, 606) that looks 30 degrees to the left and level; its iris disc is 10 mm from its centre:
    # (-10 sin 30, 0, 606 - 10 cos 30) = (-5, 0, 597.340), so x = 880 * -5 / 597.340 + 27 = 19.634 in 55 px.
    eyeball, gaze = np.array([0.0, 0.0, 606.0]), gaze_vector(np.array([0.0, np.pi / 6]))
    np.testing.assert_allclose(Camera(35, 55).project(eyeball + 10.0 * gaze), [19.634, 17.0], atol=1e-3)


@pytest.mark.parametrize("angles", [(0.0, 0.0), (0.4, -0.5), (-0.5, 0.3)])
def test_plane_coordinates_undo_the_projection(angles: tuple[float, float]) -> None:
    camera = Camera(71, 111)
    frame = rotation(np.array([angles], np.float32))
    origin = np.array([[1.0, -2.0, 597.0]], np.float32)
    first, second = plane_coordinates(camera, origin, frame)
    for row, column in ((0, 0), (35, 55), (70, 110), (20, 90)):
        a, b = first[0, row, column], second[0, row, column]
        point = origin[0] + a * frame[0, :, 0] + b * frame[0, :, 1]
        np.testing.assert_allclose(camera.project(point), [column, row], atol=2e-3)
