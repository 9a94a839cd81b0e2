from __future__ import annotations

import numpy as np
import pytest

from simgan.evaluation import (
    Drift,
    drift_of_points,
    drift_result,
    label_drift,
    own_error,
    train_localiser,
    worst_first,
)


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


def test_drift_of_two_points_is_their_mean():
    before, after = np.zeros((1, 2, 4, 1), np.float32), np.zeros((1, 2, 4, 1), np.float32)
    after[0, 0, :, 0] = 3, 4, 0, 1  # the points moved by 5 and by 1

    def reads_both(images):
        return images[:, 0, :4, 0]

    assert label_drift(reads_both, before, after).each == pytest.approx([3])


def test_drift_of_squares_is_what_they_were_moved():
    """Dark squares on light grey, and the same images with every square moved by (3, 0)."""
    random = np.random.default_rng(0)
    centres = random.integers(4, 12, (100, 2))
    sets = []
    for moved in (0, 3):
        images = np.full((100, 16, 20, 1), 0.6, np.float32)
        for image, (x, y) in zip(images, centres, strict=True):
            image[y - 2 : y + 3, x - 2 + moved : x + 3 + moved] = -0.8
        sets.append(images)
    before, after = sets
    points = centres[:, None].astype(np.float64)
    read = drift_of_points(before, after, points, steps=150)
    assert len(read.drift.each) == len(set(read.held_out)) == 20
    assert read.own_error < 1
    assert read.drift.mean == pytest.approx(3, abs=1)
    assert drift_of_points(before, before, points, steps=5).drift.worst == 0


def test_a_fifth_is_held_out_from_the_localiser_and_measured():
    """Eleven images: two are held out. The localiser is the one that is trained on the other nine alone."""
    random = np.random.default_rng(0)
    before, after = random.uniform(-1, 1, (2, 11, 16, 16, 1)).astype(np.float32)
    points, progress = random.uniform(0, 15, (11, 1, 2)), []
    read = drift_of_points(before, after, points, steps=2, seed=5, on_progress=lambda *done: progress.append(done))
    held_out = read.held_out.tolist()
    assert len(held_out) == 2
    others = [index for index in np.random.default_rng(5).permutation(11) if index not in held_out]
    assert len(others) == 9
    localiser = train_localiser(before[others], points[others], steps=2, seed=5)
    expected = np.linalg.norm(localiser(after[held_out]) - localiser(before[held_out]), axis=1)
    np.testing.assert_allclose(read.drift.each, expected, rtol=1e-4)
    expected = np.linalg.norm(localiser(before[held_out]) - points[held_out, 0], axis=1).mean()
    assert read.own_error == pytest.approx(expected, rel=1e-4)
    assert progress == [(1, 2), (2, 2)]


def test_of_a_few_images_one_is_held_out():
    images, points = np.zeros((4, 16, 16, 1), np.float32), np.zeros((4, 1, 2))
    assert len(drift_of_points(images, images, points, steps=1).held_out) == 1


def test_result_has_the_histogram_and_the_ten_worst():
    drift = Drift(np.array([*np.arange(19) / 2, 10.0]))  # 0 to 9 in halves, and 10: bins of half a pixel
    names = [f"eye{number}" for number in range(20)]
    result = drift_result(drift, names, "optical flow", own_error=0.25, picture="worst.png")
    assert result.histogram == (*([1] * 19), 1)
    assert result.worst_images[:3] == (("eye19", 10.0), ("eye18", 9.0), ("eye17", 8.5))
    assert len(result.worst_images) == 10
    assert (result.mean, result.worst, result.own_error, result.images) == (95.5 / 20, 10.0, 0.25, 20)
    assert result.p95 == pytest.approx(9.05)  # the 19th of 20 values is 9, and 0.05 of the way to 10 is left
    assert (result.measured_by, result.picture) == ("optical flow", "worst.png")


def test_the_histogram_begins_at_0_and_where_nothing_moved_holds_all_in_its_first_bin():
    assert drift_result(Drift(np.array([9.0, 10.0])), ["a", "b"], "flow").histogram == (*[0] * 18, 1, 1)
    assert drift_result(Drift(np.array([0.0, 0.5])), ["a", "b"], "flow").histogram == (1, *[0] * 18, 1)
    assert drift_result(Drift(np.zeros(3)), ["a", "b", "c"], "flow").histogram == (3, *[0] * 19)


def test_bytes_of_a_name_that_are_not_utf_8_are_escaped():
    result = drift_result(Drift(np.ones(1)), ["é\udcff.png"], "optical flow")
    assert result.worst_images == (("é\\udcff.png", 1.0),)


def test_worst_come_first():
    assert worst_first(Drift(np.array([1.0, 3.0, 2.0]))) == [1, 2, 0]
    assert worst_first(Drift(np.array([1.0, 2.0] * 20))) == list(range(1, 20, 2))  # of equals, the first


def test_own_error_is_the_mean_distance_to_the_points():
    """It reads (3, 4) and (0, 0) where the points are (0, 0) and (0, 1): 5 and 1 px."""
    images = np.zeros((2, 3, 3, 1), np.float32)
    images[0, 0, :2, 0] = 3, 4
    assert own_error(corner, images, np.array([[[0, 0]], [[0, 1]]])) == pytest.approx(3)


def test_drift_in_words():
    assert str(Drift(np.array([1.0, 3.0]))) == "2.00 px mean, 2.90 px at the 95th percentile, 3.00 px at worst"
