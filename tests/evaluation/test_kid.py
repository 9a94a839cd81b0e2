import numpy as np
import pytest

from simgan.evaluation import kid as module
from simgan.evaluation.kid import kid, kid_interval

RANDOM = np.random.default_rng(0)


def by_hand(x, y):
    """Every pair in a loop."""

    def k(a, b):
        return (a @ b / len(a) + 1) ** 3

    n, m = len(x), len(y)
    xx = sum(k(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    yy = sum(k(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return xx + yy - 2 * sum(k(a, b) for a in x for b in y) / (n * m)


def test_is_every_pair_of_images():
    x, y = RANDOM.normal(size=(5, 3)), RANDOM.normal(1, 1, size=(7, 3))
    assert kid(x, y) == pytest.approx(by_hand(x, y), rel=1e-10)


def test_two_numbers_each_by_hand():
    """x = 1, 1 and y = 0, 0 in one dimension: (1 + 1)^3 + 1 - 2 * 1."""
    assert kid(np.ones((2, 1)), np.zeros((2, 1))) == pytest.approx(8 + 1 - 2)


def test_blocks_do_not_change_it(monkeypatch):
    x, y = RANDOM.normal(size=(1500, 4)), RANDOM.normal(size=(30, 4))
    whole = kid(x, y)
    monkeypatch.setattr(module, "_kernel_sum", lambda a, b: ((a @ b.T / a.shape[1] + 1) ** 3).sum())
    assert kid(x, y) == pytest.approx(whole, rel=1e-9)


def test_is_unbiased():
    """Sets from one distribution: the mean over many draws is nothing, on either side."""
    values = [kid(RANDOM.normal(size=(20, 4)), RANDOM.normal(size=(20, 4))) for _ in range(300)]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(300)
    assert min(values) < 0 < max(values)


def test_interval_holds_the_truth_most_of_the_time():
    """N(0, 1) against N((1/2, 1/2), 1) in two dimensions.

    E k is 1 + 3 E s + 3 E s^2 + E s^3 of s = a.b / 2. By the moments of the normal distribution, these are 0, 1/2
    and 0 within the first set, 1/4, 13/16 and 61/64 within the second, and 0, 5/8 and 0 between both.
    """
    truth = (1 + 3 / 2) + (1 + 3 / 4 + 39 / 16 + 61 / 64) - 2 * (1 + 15 / 8)
    held = 0
    for seed in range(40):
        draw = np.random.default_rng(100 + seed)
        found = kid_interval(draw.normal(size=(150, 2)), draw.normal(0.5, 1, size=(150, 2)), seed=seed)
        assert found.low <= found.estimate <= found.high
        held += found.low <= truth <= found.high
    assert held >= 30  # of 40; how wide the interval may be: below


@pytest.mark.parametrize(("subset", "count"), [(20, 120), (60, 120), (60, 90)])
def test_interval_is_as_wide_as_sets_of_that_size_vary(monkeypatch, subset, count):
    """Against the deviation of KID over new draws of whole sets: an interval of 95 % spans 3.92 of it.

    The subsets hold a sixth, a half and (since half of the smaller set is the most) a half of the images.
    """
    monkeypatch.setattr(module, "_SUBSET", subset)

    def drawn(seed):
        draw = np.random.default_rng(seed)
        return draw.normal(size=(count, 2)), draw.normal(0.5, 1, size=(count, 2))

    deviation = np.std([kid(*drawn(seed)) for seed in range(400)])
    intervals = [kid_interval(*drawn(seed), seed=seed) for seed in range(20)]
    width = np.mean([found.high - found.low for found in intervals])
    assert 0.75 < width / (3.92 * deviation) < 1.35


def test_interval_does_not_hold_everything():
    """KID of sets that differ in spread alone is far from 0, and no interval reaches that far."""
    random = np.random.default_rng(0)
    found = kid_interval(random.normal(size=(400, 2)), random.normal(0, 2, size=(400, 2)))
    assert found.low > 0
    assert found.high < 2 * found.estimate


def test_interval_lies_where_skewed_values_lie(monkeypatch):
    """KID of 96 subsets is 5 and of 4 subsets 9, 5.16 in the mean: the interval's longer side is the upper one."""
    values = iter([5.0] * 96 + [9.0] * 4 + [7.0])  # the last is that of all images
    monkeypatch.setattr(module, "kid", lambda *_: next(values))
    found = module.kid_interval(np.zeros((8, 1)), np.zeros((8, 1)))  # subsets of 4 of 8: the scale is 1
    assert found.estimate == 7
    assert found.low == pytest.approx(7 + 5 - 5.16)
    assert found.high == pytest.approx(7 + 9 - 5.16)


def test_interval_follows_from_the_seed():
    x, y = RANDOM.normal(size=(30, 2)), RANDOM.normal(size=(30, 2))
    assert kid_interval(x, y, seed=1) == kid_interval(x, y, seed=1) == kid_interval(x, y, seed=1)
    assert kid_interval(x, y, seed=1) != kid_interval(x, y, seed=2)


def test_four_images_are_enough_for_an_interval():
    found = kid_interval(RANDOM.normal(size=(4, 2)), RANDOM.normal(size=(4, 2)))
    assert np.isfinite([found.low, found.estimate, found.high]).all()
    assert found.low < found.high


def test_float32_features_are_computed_in_float64():
    x, y = (RANDOM.normal(20, 1, size=(40, 3)).astype(np.float32) for _ in range(2))
    assert kid(x, y) == pytest.approx(by_hand(x.astype(np.float64), y.astype(np.float64)), rel=1e-6)
