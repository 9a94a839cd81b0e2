"""Histogram equalisation, against OpenCV's formula worked out by hand."""

import numpy as np

from simgan.eyes import render_eyes
from simgan.eyes.equalise import equalise_histogram


def test_four_levels_by_hand() -> None:
    # cdf: 10 -> 1, 20 -> 3, 30 -> 6, 200 -> 8; (cdf - 1) / (8 - 1) * 255 = 0, 72.9, 182.1, 255
    image = np.array([[10, 20, 20, 30], [30, 30, 200, 200]], np.uint8)[None, :, :, None]
    expected = [[0, 73, 73, 182], [182, 182, 255, 255]]
    np.testing.assert_array_equal(equalise_histogram(image)[0, ..., 0], expected)


def test_an_image_of_one_level_stays() -> None:
    image = np.full((1, 4, 4, 1), 77, np.uint8)
    np.testing.assert_array_equal(equalise_histogram(image), image)


def test_every_image_has_a_histogram_of_its_own() -> None:
    images = np.random.default_rng(0).integers(0, 100, (3, 20, 30, 1)).astype(np.uint8)
    alone = np.concatenate([equalise_histogram(image[None]) for image in images])
    np.testing.assert_array_equal(equalise_histogram(images), alone)


def test_equalised_eyes_have_a_flat_histogram() -> None:
    for domain in ("synthetic", "camera"):
        images = render_eyes(20, domain=domain, equalise=True).images
        levels = np.sort(images.reshape(20, -1).astype(float), axis=1)
        even = np.linspace(0.0, 255.0, levels.shape[1])
        assert np.abs(levels - even).mean() < 4.0


def test_rgb_equalises_the_luma_and_keeps_grey_grey() -> None:
    grey = np.random.default_rng(1).integers(40, 90, (2, 12, 16, 1)).astype(np.uint8)
    rgb = np.repeat(grey, 3, axis=-1)
    np.testing.assert_array_equal(equalise_histogram(rgb), np.repeat(equalise_histogram(grey), 3, axis=-1))
