from __future__ import annotations

import numpy as np
import pytest

from simgan.errors import RunError
from simgan.health import check_arrays, check_losses
from simgan.position import Position

HERE = Position("adversarial", 40)


def test_first_step_that_is_not_finite_is_named_with_its_loss(only_line):
    good = np.zeros(5, np.float32)
    late, early = good.copy(), good.copy()
    late[4], early[2:] = np.nan, np.inf
    with pytest.raises(RunError) as caught:
        check_losses({"refiner_total": late, "discriminator_total": early, "refiner_change": good}, HERE)
    assert only_line(str(caught.value)).startswith(
        "adversarial step 38: expected a finite discriminator_total, received inf"
    )


def test_array_that_is_not_finite_is_named():
    with pytest.raises(RunError, match=r"adversarial step 40: .* in refiner/001, "):
        check_arrays({"refiner/000": np.zeros(3), "refiner/001": np.array([1, np.nan]), "n": np.array([3])}, HERE)


def test_finite_numbers_are_well():
    check_losses({"a": np.array([1e38, -1e38], np.float32)}, HERE)
    check_losses({}, HERE)
    check_arrays({"a": np.ones(3), "b": np.array(2**60)}, HERE)
