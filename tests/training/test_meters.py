from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch

from simgan.training.meters import Meters


class RefinerLosses(NamedTuple):
    total: torch.Tensor


def losses(*values):
    return [RefinerLosses(torch.tensor(value)) for value in values]


def test_means_are_of_the_steps_since_the_last():
    meters = Meters()
    for one in losses(1.0, 2.0):
        meters.add(one)
    assert meters.close() == {"refiner_total": 1.5} == meters.last
    for one in losses(5.0):
        meters.add(one)
    np.testing.assert_array_equal(meters.values()["refiner_total"], [5.0])
    assert meters.last == {"refiner_total": 1.5}


def test_they_go_on_where_they_were_saved():
    first, second = Meters(), Meters()
    for one in losses(0.1, 0.2):
        first.add(one)
    second.load_state_dict(first.state_dict())
    for meters in (first, second):
        meters.add(*losses(0.7))
    assert first.close() == second.close()


@pytest.mark.parametrize("saved", [{"since": {"a": [1.0], "b": []}}, {"since": {"a": ["x"]}}, {"last": {"a": "x"}}])
def test_what_are_no_losses_is_refused(saved):
    with pytest.raises(ValueError):
        Meters().load_state_dict(saved)
