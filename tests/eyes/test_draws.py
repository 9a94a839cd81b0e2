"""Random numbers that depend on (seed, domain, index) only."""

import numpy as np
import pytest

from simgan.eyes.draws import Draws, Streams, per_image


def test_uniform_deals_columns_in_order_and_scales_them() -> None:
    draws = Draws(np.array([[0.0, 0.5], [0.25, 0.75]], np.float32))
    np.testing.assert_allclose(draws.uniform(0.0, 1.0), [0.0, 0.25])
    np.testing.assert_allclose(draws.uniform(2.0, 6.0), [4.0, 5.0])
    with pytest.raises(IndexError):
        draws.uniform(0.0, 1.0)


def test_bell_sums_three_uniforms() -> None:
    # 2 * (0.1 + 0.5 + 0.3 - 1.5) = -1.2 deviations from the mean
    draws = Draws(np.array([[0.1, 0.5, 0.3]], np.float32))
    np.testing.assert_allclose(draws.bell(10.0, 2.0), [7.6], rtol=1e-6)


def test_bell_has_the_mean_and_the_deviation_it_promises() -> None:
    values = Draws(np.random.default_rng(5).random((20000, 3), dtype=np.float32)).bell(3.0, 0.5)
    assert abs(values.mean() - 3.0) < 0.02
    assert abs(values.std() - 0.5) < 0.02
    assert np.abs(values - 3.0).max() <= 1.5


def test_a_stream_starts_where_it_is_told() -> None:
    whole, part = Streams(4, "camera", 0, 6), Streams(4, "camera", 2, 3)
    np.testing.assert_array_equal(whole.geometry.uniform(0.0, 1.0)[2:5], part.geometry.uniform(0.0, 1.0))
    np.testing.assert_array_equal(whole.appearance.uniform(0.0, 1.0)[2:5], part.appearance.uniform(0.0, 1.0))
    np.testing.assert_array_equal(whole.normal(3, 4)[2:5], part.normal(3, 4))


def test_seeds_and_domains_have_draws_of_their_own() -> None:
    first = Streams(0, "synthetic", 0, 50).geometry.uniform(0.0, 1.0)
    for other in (Streams(0, "camera", 0, 50), Streams(1, "synthetic", 0, 50)):
        assert np.abs(first - other.geometry.uniform(0.0, 1.0)).min() > 0.0


def test_per_image_adds_the_axes_of_a_field() -> None:
    assert per_image(np.zeros(3, np.float32)).shape == (3, 1, 1)
