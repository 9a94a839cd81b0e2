from __future__ import annotations

import numpy as np
import pytest

from simgan.evaluation import Drift, label_drift


def corner(images: np.ndarray) -> np.ndarray:
    """A localiser that reads the point written into the first two pixels."""
    return images[:, 0, :2, 0]


def pointing(*points: tuple[float, float]) -> np.ndarray:
    images = np.zeros((len(points), 2, 3, 1), np.float32)
    images[:, 0, :2, 0] = points
    return images


def test_drift_is_the_distance_that_the_point_moved():
    drift = label_drift(corner, pointing((0, 0), (10, 20), (5, 5)), pointing((3, 4), (10, 20), (5, 15)))
    assert drift.each == pytest.approx([5, 0, 10])
    assert drift.mean == pytest.approx(5)
    assert drift.worst == pytest.approx(10)
    assert drift.p95 == pytest.approx(9.5)  # of 0, 5, 10: nine tenths from 5 to 10


def test_nothing_moved_is_no_drift():
    images = pointing((1, 2), (3, 4))
    drift = label_drift(corner, images, images)
    assert (drift.mean, drift.p95, drift.worst) == (0, 0, 0)


def test_summary_of_a_hundred_and_one_distances():
    drift = Drift(np.arange(101.0)[::-1])
    assert (drift.mean, drift.p95, drift.worst) == (50, 95, 100)
