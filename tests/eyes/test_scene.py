"""Anatomy and pose: plausible, and drawn over the range that is promised."""

import numpy as np

from simgan.eyes.draws import Streams
from simgan.eyes.geometry import EYEBALL_RADIUS
from simgan.eyes.scene import LEAST_OPENING, Scene, draw_scene


def drawn(count: int = 2000) -> Scene:
    return draw_scene(Streams(0, "synthetic", 0, count).geometry)


def test_gaze_is_even_over_at_least_30_degrees_each_way() -> None:
    degrees = np.degrees(drawn().gaze)
    assert (degrees.min(axis=0) < -30.0).all()
    assert (degrees.max(axis=0) > 30.0).all()
    quarters = np.quantile(degrees, [0.25, 0.5, 0.75], axis=0)
    np.testing.assert_allclose(quarters, np.array([[-16.0], [0.0], [16.0]]) * np.ones(2), atol=2.5)


def test_the_iris_disc_lies_on_the_eyeball_along_the_gaze() -> None:
    scene = drawn(50)
    depth = np.linalg.norm(scene.iris - scene.eyeball, axis=1)
    np.testing.assert_allclose(np.hypot(depth, scene.iris_radius), EYEBALL_RADIUS, atol=1e-3)
    along = (scene.iris - scene.eyeball) / depth[:, None]
    np.testing.assert_allclose(along, -scene.axes[:, :, 2], atol=1e-4)


def test_anatomy_keeps_to_adult_measures() -> None:
    scene = drawn()
    assert 5.2 < scene.iris_radius.min() < scene.iris_radius.max() < 6.6
    assert 0.8 < scene.pupil_radius.min() < scene.pupil_radius.max() < 3.5
    assert 26.0 < scene.fissure.min() < scene.fissure.max() < 33.0
    assert (scene.upper + scene.lower).min() > LEAST_OPENING - 1e-4


def test_the_upper_lid_follows_the_gaze() -> None:
    scene = drawn()
    in_head = scene.gaze[:, 0] - scene.head_pose[:, 0]
    assert np.corrcoef(in_head, scene.upper)[0, 1] > 0.8
    assert np.corrcoef(in_head, scene.lower)[0, 1] < -0.7


def test_every_field_is_float32_with_a_row_an_image() -> None:
    for values in vars(drawn(3)).values():
        assert values.dtype == np.float32
        assert len(values) == 3
