from __future__ import annotations

import keras
import numpy as np

from simgan.models import layout

IMAGES = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)


def computed(apply) -> np.ndarray:
    given = keras.Input(IMAGES.shape[1:])
    return keras.Model(given, apply(given)).predict_on_batch(IMAGES)


def test_channels_first_is_entered_and_left():
    entered = computed(lambda images: layout.enter(images, "channels_first", "float32"))
    np.testing.assert_array_equal(entered, np.transpose(IMAGES, (0, 3, 1, 2)))
    both = computed(lambda images: layout.leave(layout.enter(images, "channels_first", "float32"), "channels_first"))
    np.testing.assert_array_equal(both, IMAGES)


def test_channels_last_adds_no_layer():
    images = keras.Input((3, 4, 5))
    assert layout.enter(images, "channels_last", "float32") is images
    assert layout.leave(images, "channels_last") is images
