"""A group for each image, with its labels beside it."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from simgan.errors import DataError
from simgan.images import open_images

PIXELS = np.arange(480, dtype=np.uint8).reshape(6, 8, 10) % 200


@pytest.fixture
def path(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for index in range(6):
            file[f"{index}/image"] = PIXELS[index]
            file[f"{index}/gaze"] = [index, 0.5]
            file.create_dataset(f"{index}/word", data=f"w{index}", dtype=h5py.string_dtype())
    return tmp_path / "a.h5"


def test_a_group_for_each_image(path):
    with open_images(path, key="*/image") as source:
        assert source.kind == "HDF5, a group per image"
        assert list(source.names) == [f"{index}/image" for index in range(6)]
        for index in range(6):
            np.testing.assert_array_equal(source[index][..., 0], PIXELS[index])
        assert source.label_names == ("gaze", "word")
        np.testing.assert_array_equal(source.labels("gaze"), [[index, 0.5] for index in range(6)])
        assert source.labels("word").tolist() == [f"w{index}" for index in range(6)]


def test_a_label_that_one_image_lacks(path, message):
    with h5py.File(path, "a") as file:
        del file["0/gaze"]
    with open_images(path, key="*/image") as source, pytest.raises(DataError) as caught:
        source.labels("gaze")
    assert "none for 1, the first '0/image'" in message(caught.value)


def test_a_label_that_is_a_link(path, message):
    with h5py.File(path, "a") as file:
        del file["3/word"]
        file["3/word"] = h5py.SoftLink("/2/word")
    with open_images(path, key="*/image") as source, pytest.raises(DataError) as caught:
        source.labels("word")
    assert "link" in message(caught.value)


def test_images_in_one_group_are_no_labels_of_each_other(path):
    with h5py.File(path, "w") as file:
        for index in range(6):
            file[f"p/{index}"] = PIXELS[index]
    with open_images(path, key="p/*") as source:
        assert len(source) == 6
        assert source.label_names == ()
