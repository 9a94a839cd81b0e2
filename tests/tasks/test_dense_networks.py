from __future__ import annotations

import keras
import numpy as np
import pytest

from simgan.tasks.dense_networks import detection_network, segmentation_network, shrink_factor


@pytest.mark.parametrize(
    ("size", "whole", "cells"),
    [
        ((8, 8), (8, 8), (2, 2)),
        ((35, 55), (35, 55), (9, 14)),
        ((97, 143), (97, 143), (25, 36)),
        ((144, 60), (72, 30), (36, 15)),  # 144 / 96 rounds to 2, 144 / 128 to 1
        ((480, 640), (69, 92), (24, 32)),  # averaged by 7 and by 5
    ],
)
def test_maps_have_the_size_of_the_averaged_images(size, whole, cells):
    for channels in (1, 3):
        assert segmentation_network(*size, channels, 5).output_shape == (None, 5, *whole)
        assert detection_network(*size, channels, 6).output_shape == (None, 6, *cells)


def test_images_up_to_about_the_longest_side_are_not_averaged():
    assert [shrink_factor(20, side, 100) for side in (20, 100, 149, 151, 249, 251)] == [1, 1, 1, 2, 2, 3]


@pytest.mark.parametrize("network", [segmentation_network, detection_network])
def test_networks_are_small_and_give_float32(network):
    model = network(16, 20, 3, 7)
    assert model.count_params() < 250_000
    assert model.predict_on_batch(np.zeros((2, 16, 20, 3), np.float32)).dtype == np.float32


def test_boxes_are_seldom_at_first():
    keras.utils.set_random_seed(0)
    outputs = detection_network(32, 32, 1, 6).predict_on_batch(np.zeros((1, 32, 32, 1), np.float32))
    np.testing.assert_allclose(1 / (1 + np.exp(-outputs[:, :2])), 0.1, atol=1e-3)


def test_what_a_pixel_shows_reaches_its_own_place_in_the_maps():
    """The outputs change most where the input does."""
    keras.utils.set_random_seed(0)
    model = segmentation_network(32, 40, 1, 2)
    images = np.zeros((2, 32, 40, 1), np.float32)
    images[1, 24, 8] = 1
    before, after = model.predict_on_batch(images)
    assert np.unravel_index(np.abs(after - before).sum(axis=0).argmax(), (32, 40)) == pytest.approx((24, 8), abs=2)
