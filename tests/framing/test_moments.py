"""Moments of content whose place, axes and slant are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simgan.framing.moments import MOMENTS, measure


def ellipse(
    size=(60, 80), centre=(30.0, 40.0), axes=(12.0, 20.0), slant=0.0, background=-1.0, level=1.0, channels=1
) -> np.ndarray:
    """A filled ellipse; `centre` and half `axes` down and right, px; `slant`, px to the right for each px down."""
    y, x = (np.indices(size) + 0.5) - np.reshape(centre, (2, 1, 1))
    inside = (y / axes[0]) ** 2 + ((x - slant * y) / axes[1]) ** 2 <= 1
    return np.repeat(np.where(inside, level, background)[..., None], channels, axis=2).astype(np.float32)


def found(image: np.ndarray) -> dict[str, float]:
    content = measure(image)
    assert content is not None
    return dict(zip(MOMENTS, content.moments.tolist(), strict=True))


@pytest.mark.parametrize("background", [-1.0, 0.2, 1.0])
@pytest.mark.parametrize("slant", [0.0, 0.4, -0.3])
def test_moments_of_an_ellipse(slant, background):
    """A filled ellipse has the standard deviation a / 2 along a half axis a, and a shear leaves that upright one."""
    moments = found(ellipse(centre=(28, 45), axes=(14, 12), slant=slant, background=background, level=-0.3))
    assert moments["right"] == pytest.approx(45 / 80, abs=0.002)
    assert moments["down"] == pytest.approx(28 / 60, abs=0.002)
    assert moments["width"] == pytest.approx(np.log(6 / 80), abs=0.02)
    assert moments["height"] == pytest.approx(np.log(7 / 60), abs=0.02)
    assert moments["slant"] == pytest.approx(slant * 60 / 80, abs=0.02)


@given(
    axes=st.tuples(st.floats(4, 14), st.floats(4, 14)),
    slant=st.floats(-0.5, 0.5),
    centre=st.tuples(st.floats(28, 32), st.floats(35, 45)),
)
def test_relative_moments_stay_when_the_image_is_enlarged(axes, slant, centre):
    image = ellipse(centre=centre, axes=axes, slant=slant)
    large = np.repeat(np.repeat(image, 3, axis=0), 2, axis=1)
    one, other = found(image), found(large)
    assert [other[name] for name in MOMENTS] == pytest.approx([one[name] for name in MOMENTS], abs=0.02)


def test_one_pixel_is_a_square():
    image = np.full((10, 20, 1), -1, np.float32)
    image[4, 15] = 1
    deviation = (1 / 12) ** 0.5
    expected = [15.5 / 20, 4.5 / 10, np.log(deviation / 20), np.log(deviation / 10), 0]
    assert list(found(image).values()) == pytest.approx(expected)


def test_a_flat_line_has_no_wild_slant():
    image = np.full((40, 40, 1), -1, np.float32)
    image[20, 5:20], image[21, 20:35] = 1, 1
    moments = found(image)
    assert moments["slant"] == 1  # the regression of x on y is 20 px for each px
    assert np.isfinite(list(moments.values())).all()


@pytest.mark.parametrize("level", [-1.0, 0.0, 0.37])
def test_an_empty_image_has_no_content(level):
    assert measure(np.full((9, 9, 3), level, np.float32)) is None
    noisy = level + np.random.default_rng(0).uniform(-0.04, 0.04, (9, 9, 3))
    assert measure(noisy.astype(np.float32)) is None


def test_float_noise_on_the_background_changes_nothing_much():
    image = ellipse()
    noisy = image + np.random.default_rng(0).normal(0, 0.03, image.shape).astype(np.float32)
    assert list(found(noisy).values()) == pytest.approx(list(found(image).values()), abs=0.01)


def test_colour_content_counts_by_its_mean_difference_from_the_coloured_background():
    image = np.empty((60, 80, 3), np.float32)
    image[:] = (0.1, -0.5, 0.8)
    inside = ellipse()[..., 0] > 0
    image[inside] = (0.1, 0.5, 0.2)
    assert list(found(image).values()) == pytest.approx(list(found(ellipse()).values()))


def test_content_cut_by_the_border_is_measured_and_a_textured_border_is_not():
    cut = ellipse(centre=(30, 78))
    assert found(cut)["right"] > 0.85
    texture = np.random.default_rng(0).uniform(-1, 1, (20, 20, 1)).astype(np.float32)
    assert measure(texture) is None


def test_the_outline_bounds_the_content():
    image = np.full((10, 20, 1), -1, np.float32)
    image[3:5, 8:12] = 1
    outline = measure(image).outline
    np.testing.assert_allclose(outline.min(axis=0), (8 / 20, 3 / 10))
    np.testing.assert_allclose(outline.max(axis=0), (12 / 20, 5 / 10))


def test_noise_on_the_background_is_no_content():
    """As strong as a tenth of the range: the measures are those without noise, to a tenth."""
    y, x = np.indices((48, 48)) + 0.5
    distance = np.hypot((y - 20) / 9, (x - 26) / 6)
    image = np.where(distance < 1, 0.8, -0.8).astype(np.float32)[..., None]
    noisy = image + np.random.default_rng(0).normal(0, 0.09, image.shape).astype(np.float32)
    clean, found = measure(image), measure(noisy)
    assert clean is not None
    assert found is not None
    np.testing.assert_allclose(found.moments[:2], clean.moments[:2], atol=0.02)
    np.testing.assert_allclose(found.moments[2:4], clean.moments[2:4], atol=0.1)
    assert found.outline.min() > 0.1  # no speck at the border
