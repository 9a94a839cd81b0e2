from __future__ import annotations

import numpy as np
import pytest

from simgan.matching import METHODS, match_images

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_method_keeps_shape_and_range_whatever_the_photographs_size(method, channels):
    images = RANDOM.uniform(-1, 1, (5, 12, 17, channels)).astype(np.float32)
    photographs = RANDOM.uniform(-1, 1, (3, 20, 9, channels)).astype(np.float32)
    matched = match_images(images, photographs, method)
    assert matched.shape == images.shape
    assert matched.dtype == np.float32
    assert np.abs(matched).max() <= 1


def test_each_image_has_a_photograph_of_its_own_drawn_from_the_seed():
    images = np.zeros((60, 4, 4, 1), np.float32)
    photographs = np.stack([np.full((4, 4, 1), level, np.float32) for level in (-0.5, 0.0, 0.5)])
    matched = match_images(images, photographs, "colour")
    levels, counts = np.unique(matched[:, 0, 0, 0].round(3), return_counts=True)
    assert levels.tolist() == [-0.5, 0.0, 0.5]
    assert counts.min() >= 10
    np.testing.assert_array_equal(matched, match_images(images, photographs, "colour"))
    assert (matched != match_images(images, photographs, "colour", seed=1)).any()
