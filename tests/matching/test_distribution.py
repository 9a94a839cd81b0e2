from __future__ import annotations

import numpy as np

from simgan.matching import adapt_distribution

RANDOM = np.random.default_rng(0)


def test_grey_images_take_the_mean_alone():
    image, photograph = RANDOM.uniform(-0.5, 0.5, (2, 9, 11, 1)).astype(np.float32)
    expected = image - image.mean() + photograph.mean()
    np.testing.assert_allclose(adapt_distribution(image, photograph), expected, atol=1e-5)


def test_principal_axis_of_the_colours_is_turned():
    """Colours along the red axis come to lie along the photograph's diagonal, as far apart as before."""
    along = np.linspace(-0.4, 0.4, 50)[:, None]
    image = (along * [1, 0, 0] + RANDOM.normal(0, 1e-3, (50, 3)))[None].astype(np.float32)
    photograph = (along * [0.5, 0.5, 0] + [0.1, 0, -0.1] + RANDOM.normal(0, 1e-3, (50, 3)))[None].astype(np.float32)
    expected = along * [0.5**0.5, 0.5**0.5, 0] + [0.1, 0, -0.1]
    np.testing.assert_allclose(adapt_distribution(image, photograph)[0], expected, atol=0.02)


def test_image_with_itself_stays():
    image = RANDOM.uniform(-0.9, 0.9, (15, 22, 3)).astype(np.float32)
    np.testing.assert_allclose(adapt_distribution(image, image), image, atol=1e-5)
