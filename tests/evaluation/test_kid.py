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
    """N(0, 1) against N(d, 1) in one dimension; E k for the cubic kernel has a closed form, here by a large draw."""
    large = kid(RANDOM.normal(size=(6000, 2)), RANDOM.normal(0.5, 1, size=(6000, 2)))
    held = 0
    for seed in range(40):
        draw = np.random.default_rng(100 + seed)
        found = kid_interval(draw.normal(size=(150, 2)), draw.normal(0.5, 1, size=(150, 2)), seed=seed)
        assert found.low <= found.estimate <= found.high
        held += found.low <= large <= found.high
    assert held >= 30
