"""The iris and pupil labels, against what is drawn. No lids, no lashes: the eyeball alone."""

import numpy as np

from simgan.eyes.appearance import PROCESSES, draw_appearance
from simgan.eyes.draws import Streams
from simgan.eyes.eyeball import EyeballLayers, draw_eyeball
from simgan.eyes.geometry import Camera
from simgan.eyes.lids import lid_field, margin
from simgan.eyes.scene import Scene, draw_scene


def drawn(camera: Camera, count: int) -> tuple[EyeballLayers, Scene]:
    streams = Streams(9, "synthetic", 0, count)
    scene, appearance = draw_scene(streams.geometry), draw_appearance(streams.appearance, PROCESSES["synthetic"])
    upper, lower = (camera.project(curve) for curve in margin(scene))
    return draw_eyeball(camera, scene, appearance, lid_field(camera, upper, lower), upper[:, 0]), scene


def centroid(mask: np.ndarray) -> np.ndarray:
    total = mask.sum(axis=(1, 2))
    x = (mask.sum(axis=1) * np.arange(mask.shape[2])).sum(axis=1) / total
    y = (mask.sum(axis=2) * np.arange(mask.shape[1])).sum(axis=1) / total
    return np.stack([x, y], axis=-1)


def test_the_pupil_is_drawn_where_its_label_says() -> None:
    camera = Camera(70, 110)
    layers, scene = drawn(camera, 200)
    inside = np.degrees(np.abs(scene.gaze)).max(axis=1) < 20.0  # further out the iris's rim cuts into some pupils
    distance = np.linalg.norm(centroid(layers.pupil) - camera.project(scene.pupil), axis=1)
    assert distance[inside].max() < 0.1


def test_the_iris_is_drawn_where_its_label_says() -> None:
    camera = Camera(70, 110)
    layers, scene = drawn(camera, 200)
    disc = ((layers.iris + layers.pupil) > 0.0).astype(np.float32)
    distance = np.linalg.norm(centroid(disc) - camera.project(scene.iris), axis=1)
    assert distance.max() < 0.35  # the centroid of a tilted disc lies a little nearer to the camera


def test_the_iris_has_its_size() -> None:
    camera = Camera(70, 110)
    layers, scene = drawn(camera, 100)
    touched, filled = (layers.iris + layers.pupil) > 0.0, (layers.sclera + layers.flesh) == 0.0
    area = (touched.sum(axis=(1, 2)) + filled.sum(axis=(1, 2))) / 2  # halfway through the limbus
    radius = camera.focal / scene.iris[:, 2] * scene.iris_radius
    facing = np.cos(scene.gaze[:, 0]) * np.cos(scene.gaze[:, 1])
    np.testing.assert_allclose(area, np.pi * radius**2 * facing, rtol=0.05)
