"""Drift as a budget sees it: by hand, on a refiner that moves content by two pixels."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from simgan.engines.automatic import open_engine
from simgan.training.drift_meter import mean_displacement

TEXTURED = np.clip(4 * gaussian_filter(np.random.default_rng(0).normal(size=(2, 40, 48)), (0, 2, 2)), -1, 1)
HALF_FLAT = np.concatenate([TEXTURED, np.zeros_like(TEXTURED)]).astype(np.float32)[..., None]  # (4, 40, 48, 1)


def mover(right: int) -> keras.Model:
    """Moves an image: a convolution whose kernel is a single 1."""
    images = keras.Input((None, None, 1))
    layer = keras.layers.Conv2D(1, 7, padding="same", use_bias=False)
    model = keras.Model(images, layer(images))
    kernel = np.zeros((7, 7, 1, 1), np.float32)
    kernel[3, 3 - right] = 1
    layer.set_weights([kernel])
    return model


@pytest.mark.parametrize("right", [0, 2, -2])
def test_drift_is_the_mean_over_the_images_of_how_far_content_moved(right):
    """Nothing moves in the flat half of the images: the mean is half of the most."""
    measured = mean_displacement(open_engine(micro_batch=3, compiled=False), mover(right), HALF_FLAT)
    assert measured == pytest.approx(abs(right) / 2, abs=0.1)
