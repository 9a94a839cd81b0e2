from __future__ import annotations

import h5py
import pytest

from simgan.data_set_drift import drift_of_data_sets
from simgan.errors import DataError
from simgan.images import open_images


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
