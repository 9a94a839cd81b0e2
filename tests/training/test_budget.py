"""The weight of self-regularisation: fixed, or steered by drift."""

import math

import pytest

from simgan.training.budget import Budget, FixedWeight


def steer(drifts, budget=0.5, first=4.0):
    """The weight in each step, with one drift for each measurement."""
    given = iter(drifts)
    weight = Budget(budget, first, lambda: next(given))
    return [weight(step) for step in range(1, 10 * len(drifts) + 1)], weight


def test_a_fixed_weight_stays_and_tells_nothing():
    weight = FixedWeight(3.0)
    assert [weight(1), weight(1000)] == [3.0, 3.0]
    assert weight.gauges() == {}


def test_the_weight_changes_only_when_drift_is_measured():
    weights, _ = steer([0.75, 0.75])
    assert weights[:9] == [4.0] * 9
    assert weights[9:19] == [pytest.approx(4.0 * math.exp(0.2 * 0.5))] * 10
    assert weights[19] == pytest.approx(4.0 * math.exp(0.2))


@pytest.mark.parametrize(
    ("drift", "factor"),
    [
        (0.5, 1.0),  # on budget
        (0.6, math.exp(0.2 * 0.2)),
        (1.0, math.exp(0.2)),
        (50.0, math.exp(0.2)),  # one wild measurement counts no more than twice the budget
        (0.25, 1.0),  # never below the first
    ],
)
def test_the_weight_follows_the_relative_excess(drift, factor):
    weights, weight = steer([drift])
    assert weights[-1] == pytest.approx(4.0 * factor)
    assert weight.gauges() == {"self_regularisation_weight": weights[-1], "measured_drift": drift}


def test_the_weight_falls_more_slowly_than_it_rises():
    weights, _ = steer([1.0, 0.25, 0.0])
    assert weights[19] == pytest.approx(4.0 * math.exp(0.2 - 0.05 * 0.5))
    assert weights[29] == pytest.approx(4.0 * math.exp(0.2 - 0.05 * 1.5))


def test_the_weight_stays_between_the_first_and_64_times_that():
    assert steer([9.0] * 40)[0][-1] == 4.0 * 64
    assert steer([9.0] + [0.0] * 200)[0][-1] == 4.0


def test_drift_that_falls_with_the_weight_comes_to_rest_on_the_budget():
    weight = Budget(0.5, 1.0, lambda: 3.0 / weight.gauges()["self_regularisation_weight"])
    for step in range(1, 2001):
        weight(step)
    assert weight.gauges()["measured_drift"] == pytest.approx(0.5, rel=1e-3)
    assert weight.gauges()["self_regularisation_weight"] == pytest.approx(6.0, rel=1e-3)


def test_a_fixed_weight_has_no_state():
    weight = FixedWeight(3.0)
    assert weight.state_dict() == {}
    weight.load_state_dict({})
    assert weight(1) == 3.0


def test_before_the_first_measurement_no_drift_is_told():
    assert Budget(0.5, 4.0, lambda: 1.0).gauges() == {"self_regularisation_weight": 4.0, "measured_drift": 0.0}


def test_a_budget_goes_on_from_its_state():
    drifts = [1.0, 0.75, 0.2, 0.9]
    whole, _ = steer(drifts)
    _, first = steer(drifts[:2])
    state = first.state_dict()
    assert state == {"weight": whole[19], "drift": 0.75}
    rest = iter(drifts[2:])
    second = Budget(0.5, 4.0, lambda: next(rest))
    second.load_state_dict(state)
    assert second.gauges() == first.gauges()
    assert [second(step) for step in range(21, 41)] == whole[20:]


@pytest.mark.parametrize("state", [{"weight": 4.0, "drift": 0.0}, {"weight": 256.0, "drift": 1e9}], ids=str)
def test_a_state_at_the_limits_is_taken(state):
    weight = Budget(0.5, 4.0, lambda: 0.5)
    weight.load_state_dict(state)
    assert weight.state_dict() == state


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ({"weight": 3.9, "drift": 0.0}, ValueError),  # below the first
        ({"weight": 257.0, "drift": 0.0}, ValueError),  # above 64 times the first
        ({"weight": math.nan, "drift": 0.0}, ValueError),
        ({"weight": 4.0, "drift": -0.1}, ValueError),
        ({"weight": 4.0, "drift": math.inf}, ValueError),
        ({"weight": 4.0, "drift": math.nan}, ValueError),
        ({"weight": 4.0}, KeyError),
        ({"drift": 0.0}, KeyError),
        ({"weight": None, "drift": 0.0}, TypeError),
    ],
    ids=str,
)
def test_what_is_no_state_of_this_budget_is_refused(state, error):
    weight = Budget(0.5, 4.0, lambda: 0.5)
    with pytest.raises(error):
        weight.load_state_dict(state)
    assert weight.state_dict() == {"weight": 4.0, "drift": 0.0}
