from __future__ import annotations

import numpy as np
import pytest

from simgan.errors import ConfigError
from simgan.refining.strength import Strength, parse_limits


def test_strengths_are_spread_evenly_between_their_limits():
    drawn = Strength(0.2, 0.6).draw(range(4000))
    assert drawn.shape == (4000,)
    assert drawn.dtype == np.float32
    counts, _ = np.histogram(drawn, bins=4, range=(0.2, 0.6))
    assert counts.sum() == 4000
    assert np.abs(counts - 1000).max() < 150  # 5.5 standard deviations of a binomial with n = 4000, p = 1/4


def test_a_strength_follows_from_seed_and_place_alone():
    strength = Strength()
    all_at_once = strength.draw(range(10))
    assert len(set(all_at_once.tolist())) == 10
    np.testing.assert_array_equal(strength.draw([7, 2, 9]), all_at_once[[7, 2, 9]])
    assert not np.intersect1d(Strength(seed=1).draw(range(10)), all_at_once).size


def test_images_are_moved_by_a_part_of_the_change():
    x = np.array([-1, 0.5], np.float32).reshape(2, 1, 1, 1)
    refined = np.array([0, 1], np.float32).reshape(2, 1, 1, 1)
    np.testing.assert_array_equal(Strength(0.25, 0.25).between(x, refined, [0, 1]).ravel(), [-0.75, 0.625])
    np.testing.assert_array_equal(Strength(0, 0).between(x, refined, [0, 1]), x)
    assert Strength(1, 1).between(x, refined, [0, 1]) is refined


@pytest.mark.parametrize(
    ("text", "limits"), [("0..1", (0, 1)), ("0.25...5", (0.25, 0.5)), ("1", (1, 1)), ("0", (0, 0))]
)
def test_limits_are_read(text, limits):
    assert parse_limits(text) == limits


@pytest.mark.parametrize("text", ["", "0-1", "0,1", "..", "0..", "..1", "all", "0..0.5..1"])
def test_what_is_no_strength_is_one_line(text, only_line):
    with pytest.raises(ConfigError) as caught:
        parse_limits(text)
    message = only_line(str(caught.value))
    assert message.startswith("strength: expected a number from 0 to 1, or LOW..HIGH")
    assert f"received {text!r}; give --strength 0.5..1" in message


@pytest.mark.parametrize(
    ("limits", "received"),
    [((0.5, 0.25), "0.5..0.25"), ((0, 1.5), "0..1.5"), (-0.5, "-0.5..-0.5"), ((0, float("nan")), "0..nan")],
)
def test_limits_that_are_not_in_order_within_0_to_1_are_one_line(limits, received, only_line):
    with pytest.raises(ConfigError) as caught:
        Strength.of(limits)
    assert f"received {received};" in only_line(str(caught.value))


def test_a_negative_seed_is_one_line(only_line):
    with pytest.raises(ConfigError) as caught:
        Strength.of(1.0, seed=-1)
    assert only_line(str(caught.value)) == "seed: expected 0 or more, received -1; leave it out for 0."


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ((0.0, 1.0), ("random strength from 0 to 1", "--strength 1")),
        ((0.2, 0.8), ("random strength from 0.2 to 0.8", "--strength 1")),
        (0.5, ("the strength 0.5", "--strength 1")),
        (1.0, ("refined whole (strength 1)",)),
    ],
    ids=str,
)
def test_what_is_done_is_told_with_the_way_out(limits, words):
    told = Strength.of(limits).in_words
    assert [part for part in words if part not in told] == []
