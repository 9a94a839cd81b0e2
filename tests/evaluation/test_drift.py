from __future__ import annotations

import numpy as np
import pytest

from simgan.errors import DataError
from simgan.evaluation import Drift, drift_of_data_set, label_drift, own_error
from simgan.images import open_images


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


@pytest.fixture
def squares(tmp_path):
    """Dark squares on light grey, their centre as label, and the same set with every square moved by (3, 0)."""
    random = np.random.default_rng(0)
    centres = random.integers(6, 18, (100, 2))
    for name, moved in (("before", 0), ("after", 3)):
        images = np.full((100, 24, 28), 200, np.uint8)
        for image, (x, y) in zip(images, centres, strict=True):
            image[y - 2 : y + 3, x - 2 + moved : x + 3 + moved] = 20
        labels = {"centre": centres.astype(np.float32), "weight": np.ones(100), "gaze": centres / 100}
        np.savez(tmp_path / f"{name}.npz", image=images, **labels)
    return tmp_path


def test_drift_of_a_set_is_what_was_moved(squares):
    with open_images(squares / "before.npz") as before, open_images(squares / "after.npz") as after:
        moved, own_error = drift_of_data_set(before, after, "centre", steps=150)
        still, _ = drift_of_data_set(before, before, "centre", steps=5)
    assert len(moved.each) == 20
    assert own_error < 1
    assert moved.mean == pytest.approx(3, abs=1)
    assert still.worst == 0


@pytest.mark.parametrize("label", ["weight", "gaze"])
def test_label_that_is_no_point_in_pixels_is_one_line(label, squares, only_line):
    with open_images(squares / "before.npz") as before, pytest.raises(DataError) as caught:
        drift_of_data_set(before, before, label, steps=1)
    assert "points" in only_line(str(caught.value))


def test_set_with_other_labels_is_not_the_refined_one(squares, only_line):
    with np.load(squares / "after.npz") as after:
        np.savez(squares / "other.npz", image=after["image"], centre=after["centre"][::-1])
    with (
        open_images(squares / "before.npz") as before,
        open_images(squares / "other.npz") as other,
        pytest.raises(DataError) as caught,
    ):
        drift_of_data_set(before, other, "centre", steps=1)
    assert "refined" in only_line(str(caught.value))


def test_own_error_is_the_mean_distance_to_the_points():
    """It reads (3, 4) and (0, 0) where the points are (0, 0) and (0, 1): 5 and 1 px."""
    images = np.zeros((2, 3, 3, 1), np.float32)
    images[0, 0, :2, 0] = 3, 4
    assert own_error(corner, images, np.array([[0, 0], [0, 1]])) == pytest.approx(3)


def test_drift_in_words():
    assert str(Drift(np.array([1.0, 3.0]))) == "2.00 px mean, 2.90 px at the 95th percentile, 3.00 px at worst"
