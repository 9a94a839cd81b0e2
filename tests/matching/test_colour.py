from __future__ import annotations

import numpy as np
import pytest

from simgan.matching import transfer_colour

RANDOM = np.random.default_rng(0)


def coloured(mean, mixing, size=(40, 50)) -> np.ndarray:
    return (RANDOM.normal(size=(*size, len(mean))) @ np.array(mixing) + np.array(mean)).astype(np.float32)


def test_grey_images_take_mean_and_deviation_as_reinhard_s_do():
    image, photograph = coloured([0.2], [[0.05]]), coloured([-0.3], [[0.1]], (20, 30))
    expected = (image - image.mean()) / image.std() * photograph.std() + photograph.mean()
    np.testing.assert_allclose(transfer_colour(image, photograph), expected, atol=1e-4)


def test_colours_take_mean_and_covariance():
    image = coloured([0.1, 0, -0.1], 0.05 * np.eye(3))
    photograph = coloured([0.3, -0.2, 0.1], [[0.1, 0.05, 0], [0, 0.06, 0.03], [0, 0, 0.04]])
    moved = transfer_colour(image, photograph).reshape(-1, 3)
    np.testing.assert_allclose(moved.mean(axis=0), photograph.reshape(-1, 3).mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(np.cov(moved.T), np.cov(photograph.reshape(-1, 3).T), rtol=1e-2, atol=1e-5)


def test_of_uncorrelated_channels_each_is_scaled_by_itself():
    """The nearest map between diagonal covariances is diagonal: no rotation of colours."""
    axes = np.array([[-1.0, 1.0, -1.0, 1.0], [-1.0, -1.0, 1.0, 1.0]]).T  # uncorrelated, of variance 1
    image = (0.1 * axes * [1, 2])[None].astype(np.float32)
    photograph = (0.1 * axes * [3, 1])[None].astype(np.float32)
    np.testing.assert_allclose(transfer_colour(image, photograph), photograph, atol=1e-4)


def test_image_of_one_colour_becomes_the_mean():
    photograph = coloured([0.3, -0.2, 0.1], 0.05 * np.eye(3))
    moved = transfer_colour(np.zeros((5, 6, 3), np.float32), photograph)
    assert moved.reshape(-1, 3).mean(axis=0) == pytest.approx(photograph.reshape(-1, 3).mean(axis=0), abs=1e-5)
    assert np.isfinite(moved).all()


def test_result_stays_within_the_range():
    image, photograph = coloured([0.9], [[0.3]]), coloured([0.9], [[0.5]])
    assert np.abs(transfer_colour(image, photograph)).max() <= 1
