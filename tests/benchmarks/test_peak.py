import pytest

from benchmarks.peak import Peak, training_peak


def test_a_training_takes_the_three_directions_in_turn():
    peaks = [
        Peak("float32", 8, "forward", best=1.0, median=0.1),
        Peak("float32", 16, "forward", best=2.0, median=0.1),
        Peak("float32", 8, "data gradient", best=1.0, median=0.1),
        Peak("float32", 8, "weight gradient", best=0.5, median=0.1),
        Peak("bfloat16", 8, "forward", best=9.0, median=9.0),
    ]
    # Three units of work in 1/2 + 1 + 2 seconds.
    assert training_peak(peaks, "float32") == pytest.approx(3 / 3.5)
