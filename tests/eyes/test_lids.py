"""Lid margins and distances to them."""

import numpy as np

from simgan.eyes.draws import Streams
from simgan.eyes.geometry import Camera
from simgan.eyes.lids import lid_contour, lid_field, margin, opening
from simgan.eyes.scene import draw_scene

CAMERA = Camera(36, 60)  # 1.6 px a mm


def diamond() -> tuple[np.ndarray, np.ndarray]:
    """Margins of straight lines: corners at (10, 18) and (50, 18), highest 8 px over and lowest 4 px under x = 30."""
    x = np.linspace(10.0, 50.0, 33, dtype=np.float32)
    roof = 1.0 - np.abs(x - 30.0) / 20.0
    upper, lower = np.stack([x, 18.0 - 8.0 * roof], axis=-1), np.stack([x, 18.0 + 4.0 * roof], axis=-1)
    return upper[None].astype(np.float32), lower[None].astype(np.float32)


def test_distances_to_straight_margins() -> None:
    lids = lid_field(CAMERA, *diamond())
    assert np.isclose(lids.above[0, 2, 30], (10.0 - 2.0) / 1.6)
    assert np.isclose(lids.above[0, 18, 20], (14.0 - 18.0) / 1.6)
    assert np.isclose(lids.below[0, 30, 40], (30.0 - 20.0) / 1.6)
    np.testing.assert_allclose(lids.cosine_above[0, 0, [15, 45]], 1.0 / np.sqrt(1.0 + 0.4**2), rtol=1e-5)
    np.testing.assert_allclose(lids.beyond[0, 0, [0, 10, 30, 59]], [10 / 1.6, 0.0, 0.0, 9 / 1.6], atol=1e-5)
    np.testing.assert_allclose(lids.along[0, 0, [10, 20, 50]], [0.0, 0.25, 1.0], atol=1e-6)


def test_opening_has_the_area_of_the_diamond() -> None:
    share = opening(CAMERA, lid_field(CAMERA, *diamond()))
    assert abs(share.sum() - 40.0 * (8.0 + 4.0) / 2.0) < 3.0
    assert share[0, 17, 30] == 1.0
    assert share[0, 2, 30] == share[0, 30, 30] == share[0, 18, 5] == 0.0


def test_the_contour_runs_over_the_upper_lid_and_then_the_lower() -> None:
    upper, lower = diamond()
    contour = lid_contour(upper, lower)
    assert contour.shape == (1, 34, 2)
    np.testing.assert_allclose(
        contour[0, [0, 8, 16, 17, 25, 33]], [[10, 18], [30, 10], [50, 18], [10, 18], [30, 22], [50, 18]]
    )


def test_drawn_margins_meet_at_the_corners_and_x_grows_along_them() -> None:
    scene = draw_scene(Streams(1, "synthetic", 0, 500).geometry)
    upper, lower = margin(scene)
    np.testing.assert_allclose(upper[:, [0, -1]], lower[:, [0, -1]], atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(upper[:, -1, 0:1] - upper[:, 0, 0:1], axis=1), scene.fissure, rtol=0.12)
    assert np.diff(CAMERA.project(upper)[..., 0], axis=1).min() > 0.0
    assert np.diff(CAMERA.project(lower)[..., 0], axis=1).min() > 0.0
