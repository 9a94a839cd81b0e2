"""Skin and lashes."""

import numpy as np

from simgan.eyes.appearance import PROCESSES, draw_appearance
from simgan.eyes.draws import Streams
from simgan.eyes.geometry import Camera
from simgan.eyes.lids import lid_field, margin
from simgan.eyes.scene import draw_scene
from simgan.eyes.skin import draw_skin


def test_layers_are_fields_in_their_ranges() -> None:
    camera, streams = Camera(35, 55), Streams(2, "synthetic", 0, 40)
    scene, appearance = draw_scene(streams.geometry), draw_appearance(streams.appearance, PROCESSES["synthetic"])
    upper, lower = (camera.project(curve) for curve in margin(scene))
    lids = lid_field(camera, upper, lower)
    layers = draw_skin(camera, scene, appearance, lids)
    for field in (layers.skin, layers.transmission):
        assert field.shape == (40, 35, 55)
        assert field.dtype == np.float32
    assert 0.0 <= layers.transmission.min() < 0.8
    assert layers.transmission.max() == 1.0
    root = (lids.above > -0.4) & (lids.above < 0.6) & (lids.beyond == 0.0)
    lid = (lids.above > 1.5) & (lids.above < 2.5) & (lids.beyond == 0.0)
    assert layers.skin[root].mean() < 0.9 * layers.skin[lid].mean()  # the line that lashes grow from is dark
