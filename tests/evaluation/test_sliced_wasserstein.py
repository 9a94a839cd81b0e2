import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from simgan.evaluation import sliced_wasserstein as module
from simgan.evaluation.sliced_wasserstein import sliced_wasserstein, sliced_wasserstein_interval

RANDOM = np.random.default_rng(0)


def test_one_dimension_is_the_distance_of_sorted_values():
    one, other = np.array([[0.0], [1.0], [5.0]]), np.array([[7.0], [2.0], [0.0]])  # sorted: off by 0, 1, 2
    assert sliced_wasserstein(one, other) == pytest.approx(np.sqrt(5 / 3))


def test_a_shift_counts_by_its_share_in_each_direction():
    """Moved by d in F dimensions: a random direction sees d / sqrt(F) in the root mean square."""
    x = RANDOM.normal(size=(500, 9))
    shifted = x + np.eye(9)[0] * 6
    assert sliced_wasserstein(x, shifted) == pytest.approx(6 / 3, rel=0.15)


def test_sets_of_different_size_are_compared_by_quantiles():
    x = RANDOM.normal(size=(4000, 1))
    y = RANDOM.normal(3, 1, size=(1000, 1))
    expected = wasserstein_distance(x[:, 0], y[:, 0])  # a shift: the first distance equals the second
    assert sliced_wasserstein(x, y) == pytest.approx(expected, rel=0.05)
    assert sliced_wasserstein(np.tile(x, (2, 1)), x) == pytest.approx(0, abs=0.01)


def test_interval_is_around_the_estimate_and_never_below_nothing():
    x, y = RANDOM.normal(size=(80, 3)), RANDOM.normal(0.2, 1, size=(60, 3))
    found = sliced_wasserstein_interval(x, y)
    assert 0 <= found.low < found.estimate < found.high
    assert found.estimate == sliced_wasserstein(x, y)


def test_interval_of_two_far_groups_is_that_of_their_means():
    """The means of 100 standard normal numbers differ from draw to draw by sqrt(2 / 100): 3.92 of it is 0.55."""
    random = np.random.default_rng(4)
    found = sliced_wasserstein_interval(random.normal(size=(100, 1)), random.normal(10, 1, (100, 1)))
    assert found.high - found.low == pytest.approx(0.55, rel=0.3)


def test_interval_is_as_wide_as_sets_of_that_size_vary(monkeypatch):
    """Against the deviation over new draws of both sets: an interval of 95 % spans 3.92 of it."""
    monkeypatch.setattr(module, "_PROJECTIONS", 32)

    def drawn(seed):
        draw = np.random.default_rng(seed)
        return draw.normal(size=(100, 3)), draw.normal(1, 1, size=(80, 3))

    deviation = np.std([sliced_wasserstein(*drawn(seed)) for seed in range(60)])
    intervals = [sliced_wasserstein_interval(*drawn(seed)) for seed in range(5)]
    width = np.mean([found.high - found.low for found in intervals])
    assert 0.6 < width / (3.92 * deviation) < 1.6


def test_follows_from_the_seed():
    x, y = RANDOM.normal(size=(20, 3)), RANDOM.normal(size=(20, 3))
    assert sliced_wasserstein_interval(x, y, seed=1) == sliced_wasserstein_interval(x, y, seed=1)
    assert sliced_wasserstein(x, y, seed=1) != sliced_wasserstein(x, y, seed=2)
