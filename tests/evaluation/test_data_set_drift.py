from __future__ import annotations

import io

import h5py
import numpy as np
import pytest
from rich.console import Console

from simgan.errors import DataError
from simgan.evaluation import drift_of_points, structural_similarity
from simgan.evaluation.data_set_drift import drift_of_data_sets
from simgan.framing.displacement import displacement
from simgan.images import open_images, read_all


def test_drift_of_data_sets_by_flow_and_by_label(eyes):
    with open_images(eyes / "synthetic.h5") as source:
        by_flow, structure = drift_of_data_sets(source, source, None)
        by_label, _ = drift_of_data_sets(source, source, "iris_centre", steps=2)
    assert by_flow.worst < 0.05
    assert structure == pytest.approx(1)
    assert by_label.worst == 0
    assert by_label.own_error > 0


def test_set_with_other_labels_is_not_the_refined_one(eyes, tmp_path, only_line):
    other = tmp_path / "other.h5"
    other.write_bytes((eyes / "synthetic.h5").read_bytes())
    with h5py.File(other, "r+") as file:
        file["iris_centre/000003"][...] += 1
    with open_images(eyes / "synthetic.h5") as x, open_images(other) as y, pytest.raises(DataError) as caught:
        drift_of_data_sets(x, y, "iris_centre", steps=1)
    assert "refined" in only_line(str(caught.value))


def test_sets_with_other_channels_are_refused(eyes, tmp_path):
    np.save(tmp_path / "colour.npy", np.zeros((20, 24, 32, 3), np.uint8))
    with (
        open_images(eyes / "synthetic.h5") as x,
        open_images(tmp_path / "colour.npy") as y,
        pytest.raises(DataError, match="channels: expected the same number in both data sets"),
    ):
        drift_of_data_sets(x, y, None)


def test_images_that_were_set_aside_are_passed_over(eyes, tmp_path):
    some = tmp_path / "some.h5"
    some.write_bytes((eyes / "synthetic.h5").read_bytes())
    with h5py.File(some, "r+") as file:
        for group in file.values():
            del group["000004"]
    with open_images(eyes / "synthetic.h5") as x, open_images(some) as y:
        by_flow, _ = drift_of_data_sets(x, y, None)
        by_label, _ = drift_of_data_sets(x, y, "iris_centre", steps=2)
    assert by_flow.images == 19
    assert by_flow.worst < 0.05
    assert by_label.worst == 0


def test_each_image_is_compared_with_the_one_of_its_name(eyes, tmp_path):
    """Seven images are left, and three of them have moved."""
    some, shown = tmp_path / "some.h5", io.StringIO()
    some.write_bytes((eyes / "synthetic.h5").read_bytes())
    kept = [1, 2, 5, 8, 13, 14, 19]
    with h5py.File(some, "r+") as file:
        for group in file.values():
            for index in set(range(20)) - set(kept):
                del group[f"{index:06d}"]
        for index in (2, 8, 14):
            file[f"image/{index:06d}"][...] = np.roll(file[f"image/{index:06d}"][...], 3, axis=1)
    with open_images(eyes / "synthetic.h5") as x, open_images(some) as y:
        by_flow, structure = drift_of_data_sets(x, y, None)
        by_label, _ = drift_of_data_sets(x, y, "iris_centre", steps=2, seed=4, console=Console(file=shown))
        before, after, names = read_all(x)[kept], read_all(y), [x.names[index] for index in kept]
        points = x.labels("iris_centre")[kept][:, None].astype(np.float64)
    flow = displacement(before, after)
    assert by_flow.worst_images == tuple((names[row], flow[row]) for row in np.argsort(-flow, kind="stable"))
    assert {name for name, _ in by_flow.worst_images[:3]} == {names[1], names[3], names[5]}
    assert structure == pytest.approx(structural_similarity(before, after).mean())
    read = drift_of_points(before, after, points, steps=2, seed=4)
    assert by_label.worst_images == ((names[read.held_out[0]], pytest.approx(read.drift.mean, rel=1e-4)),)
    assert by_label.own_error == pytest.approx(read.own_error, rel=1e-4)
    assert "localiser" in shown.getvalue()
    assert "2/2" in shown.getvalue()


@pytest.mark.parametrize("changed", ["name", "size"])
def test_set_with_other_images_is_not_the_refined_one(changed, eyes, tmp_path, only_line):
    images = {f"{index:06d}": np.zeros((24, 32), np.uint8) for index in range(3)}
    if changed == "name":
        images["another"] = images.pop("000001")
    else:
        images = {name: image[1:] for name, image in images.items()}
    with h5py.File(tmp_path / "other.h5", "w") as file:
        for name, image in images.items():
            file[f"image/{name}"] = image
    with (
        open_images(eyes / "synthetic.h5") as x,
        open_images(tmp_path / "other.h5") as y,
        pytest.raises(DataError) as caught,
    ):
        drift_of_data_sets(x, y, None)
    assert "received others in" in only_line(str(caught.value))


def test_content_that_moved_by_two_pixels_is_said_to_have(eyes, tmp_path):
    """Images 0 to 9 move by 2 px to the right: 1 in the mean of twenty, 2 at worst, and the moved ones are named."""
    moved = tmp_path / "moved.h5"
    moved.write_bytes((eyes / "synthetic.h5").read_bytes())
    with h5py.File(moved, "r+") as file:
        for index in range(10):
            stored = file[f"image/{index:06d}"]
            stored[...] = np.roll(stored[...], 2, axis=1)
    with open_images(eyes / "synthetic.h5") as x, open_images(moved) as y:
        by_flow, structure = drift_of_data_sets(x, y, None)
    assert by_flow.mean == pytest.approx(1, abs=0.15)
    assert by_flow.worst == pytest.approx(2, abs=0.4)
    assert by_flow.measured_by == "optical flow"
    assert {name for name, _ in by_flow.worst_images} == {f"{index:06d}" for index in range(10)}
    assert structure < 0.9


def test_a_label_of_points_finds_that_content_moved(eyes, tmp_path):
    moved = tmp_path / "moved.h5"
    moved.write_bytes((eyes / "synthetic.h5").read_bytes())
    with h5py.File(moved, "r+") as file:
        for stored in file["image"].values():
            stored[...] = np.roll(stored[...], 4, axis=1)
    with open_images(eyes / "synthetic.h5") as x, open_images(moved) as y:
        by_label = drift_of_data_sets(x, y, "iris_centre", steps=60)[0]
    assert by_label.mean > 1  # of sets that are equal it is 0: the first test
    assert by_label.images == 4
    assert by_label.measured_by == "localiser of iris_centre"
