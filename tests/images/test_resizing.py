from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simgan.errors import DataError
from simgan.images import resize


def test_the_same_size_changes_nothing():
    image = np.random.default_rng(0).normal(size=(4, 5, 2)).astype(np.float32)
    np.testing.assert_array_equal(resize(image, (4, 5)), image)


def test_doubling_a_step_by_hand():
    # Bilinear at half-pixel centres: -1/4 and 5/4 lie beyond the last pixels, 1/4 and 3/4 between them.
    image = np.array([[[0.0], [1.0]]], np.float32)
    np.testing.assert_allclose(resize(image, (1, 4))[0, :, 0], [0, 0.25, 0.75, 1], atol=1e-6)


def test_shrinking_averages_stripes_away():
    stripes = np.tile(np.array([-1.0, 1.0], np.float32), 32)[None, :, None].repeat(64, axis=0)  # (64, 64, 1)
    small = resize(stripes, (16, 16))
    # Taking every fourth pixel would give -1 throughout.
    assert np.abs(small[:, 1:-1]).max() < 0.05


@given(st.tuples(*[st.integers(1, 9)] * 2), st.tuples(*[st.integers(1, 9)] * 2), st.integers(1, 5))
def test_shape_and_bounds(before, after, channels):
    image = np.random.default_rng(0).uniform(-1, 1, (*before, channels)).astype(np.float32)
    resized = resize(image, after)
    assert resized.shape == (*after, channels)
    assert resized.dtype == np.float32
    for channel in range(channels):
        assert resized[..., channel].min() >= image[..., channel].min() - 1e-6
        assert resized[..., channel].max() <= image[..., channel].max() + 1e-6


def test_channels_keep_their_order():
    image = np.zeros((4, 4, 3), np.float32) + np.array([0.1, 0.5, 0.9], np.float32)
    np.testing.assert_allclose(resize(image, (2, 3)), np.broadcast_to([0.1, 0.5, 0.9], (2, 3, 3)), atol=1e-6)


@pytest.mark.parametrize(("shape", "size"), [((4, 4), (2, 2)), ((4, 4, 1), (0, 2)), ((0, 4, 1), (2, 2))])
def test_bad_shapes_and_sizes(shape, size, message):
    with pytest.raises(DataError) as caught:
        resize(np.zeros(shape, np.float32), size)
    assert "--size HxW" in message(caught.value)
