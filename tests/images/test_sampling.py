from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from simgan.images.sampling import evenly_spaced


def test_by_hand():
    assert evenly_spaced(3, 5) == [0, 1, 2]
    assert evenly_spaced(9, 3) == [0, 4, 8]


@given(st.integers(1, 2_000_000), st.integers(2, 500))
def test_rising_with_both_ends(count, at_most):
    sample = evenly_spaced(count, at_most)
    assert len(sample) == min(count, at_most)
    assert sample[0] == 0
    assert sample[-1] == count - 1
    assert all(before < after for before, after in itertools.pairwise(sample))
