from __future__ import annotations

import numpy as np
import pytest

from simgan.matching import match_histogram

RANDOM = np.random.default_rng(0)


def test_values_worked_out_by_hand():
    """Shares up to each level: 1/4, 3/4, 1 of the image; 1/2, 1 of the photograph, at levels 0 and 10."""
    image = np.array([[1, 2], [2, 3]], np.float32)[..., None]
    photograph = np.array([[0, 10]], np.float32)[..., None]
    # np.interp below the first share, 1/2, gives the first level; between 1/2 and 1 it is linear: 3/4 -> 5
    np.testing.assert_allclose(match_histogram(image, photograph)[..., 0], [[0, 5], [5, 10]])


def test_distribution_becomes_that_of_the_photograph_in_each_channel():
    image = RANDOM.normal(0, 0.2, (40, 50, 3)).astype(np.float32)
    photograph = RANDOM.uniform(-1, 1, (60, 30, 3)).astype(np.float32) ** 3 * np.array([1, 0.5, 0.1], np.float32)
    matched = match_histogram(image, photograph)
    for channel in range(3):
        for share in (0.1, 0.5, 0.9):
            expected = np.quantile(photograph[..., channel], share)
            assert np.quantile(matched[..., channel], share) == pytest.approx(expected, abs=0.01)


def test_order_of_pixels_stays():
    image = RANDOM.normal(size=(12, 9, 1)).astype(np.float32)
    matched = match_histogram(image, RANDOM.uniform(size=(30, 30, 1)).astype(np.float32))
    order = np.argsort(image.ravel())
    assert (np.diff(matched.ravel()[order]) >= 0).all()


def test_image_matched_to_itself_stays():
    image = RANDOM.normal(size=(12, 9, 3)).astype(np.float32)
    np.testing.assert_allclose(match_histogram(image, image), image, atol=1e-6)
