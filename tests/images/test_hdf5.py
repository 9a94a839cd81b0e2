from __future__ import annotations

import subprocess
import sys

import h5py
import numpy as np
import pytest

from simgan.errors import DataError
from simgan.images import open_images

PIXELS = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.h5"


def test_labels_follow_the_order_of_the_images(path):
    with h5py.File(path, "w") as file:
        for name in ("b", "a", "10", "9"):
            file[f"image/{name}"] = np.zeros((2, 2), np.uint8)
        for name in ("9", "10", "a", "b"):
            file[f"look/{name}"] = np.array([ord(name[0]), 0.5])
            file[f"text/{name}"] = f"of {name}"
            file[f"unrelated/x{name}"] = 1
    with open_images(path) as source:
        assert source.kind == "HDF5, one data set per image"
        assert list(source.names) == ["10", "9", "a", "b"]
        assert source.label_names == ("look", "text")
        np.testing.assert_array_equal(source.labels("look")[:, 0], [ord("1"), ord("9"), ord("a"), ord("b")])
        assert source.labels("text").tolist() == ["of 10", "of 9", "of a", "of b"]


def test_labels_beside_a_stack(path):
    with h5py.File(path, "w") as file:
        file["image"] = PIXELS
        file["other"] = PIXELS[..., np.newaxis]
        file["words"] = np.array([b"a", b"b", b"c", b"d"], object)
        file["short"] = [1, 2, 3]
        file["single"] = 4
    with open_images(path) as source:
        assert source.kind == "HDF5, one data set for all images"
        assert source.label_names == ("other", "words")
        assert source.labels("words").tolist() == ["a", "b", "c", "d"]
        assert source.size(0) == (3, 2)


def test_the_only_stack_needs_no_name(path):
    with h5py.File(path, "w") as file:
        file["eyes"] = PIXELS
        file["look"] = np.zeros((4, 2))
    with open_images(path) as source:
        np.testing.assert_array_equal(source[3][..., 0], PIXELS[3])


@pytest.mark.parametrize("key", ["train/eyes", "/train/eyes/"])
def test_a_key_leads_into_groups(path, key):
    with h5py.File(path, "w") as file:
        file["train/eyes"] = PIXELS
        file["train/look"] = np.zeros((4, 2))
        file["image"] = PIXELS[:2]
    with open_images(path, key=key) as source:
        assert len(source) == 4
        assert source.label_names == ("look",)


def test_each_image_may_have_its_own_size(path):
    with h5py.File(path, "w") as file:
        file["image/a"] = np.zeros((2, 3), np.float32)
        file["image/b"] = np.ones((4, 5), np.float32)
    with open_images(path) as source:
        assert [source.size(0), source.size(1)] == [(2, 3), (4, 5)]
        assert source[1].shape == (4, 5, 1)


@pytest.mark.parametrize(
    ("arrays", "key", "words"),
    [
        ({"image": PIXELS, "images": PIXELS}, None, ["2 that could be", "'image'", "'images'"]),
        ({"a": PIXELS, "b": PIXELS}, None, ["2 that could be", "'a' (4x3x2 uint8)", "'b'"]),
        ({"a": PIXELS[0]}, None, ["none among 'a' (3x2 uint8)"]),
        ({}, None, ["empty file"]),
        ({"image": PIXELS}, "eyes", ["'eyes'", "'image'"]),
        ({"x/image": PIXELS}, "y/image", ["'y/image'", "'x' (a group of 1)"]),
        ({"image": PIXELS[0]}, None, ["(3, 2)"]),
        ({"image": PIXELS[:0]}, None, ["(0, 3, 2)"]),
        ({"image": PIXELS > 0}, None, ["bool"]),
        ({"image": PIXELS * 1j}, None, ["complex"]),
        ({"image": PIXELS.astype("i4")}, None, ["int32"]),
        ({"image": np.full((2, 2, 2), b"x", object)}, None, ["object"]),
        ({"image/a": PIXELS[0, 0]}, None, ["'a'", "(2,)"]),
        ({"image/a": PIXELS[0] > 0}, None, ["'a'", "bool"]),
        ({"image/a": 3}, None, ["'a'", "int64"]),
    ],
)
def test_files_that_do_not_say_where_the_images_are(path, arrays, key, words, message):
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values
    with pytest.raises(DataError) as caught:
        open_images(path, key=key)
    assert all(word in message(caught.value) for word in ["a.h5", *words])


def test_an_empty_group(path, message):
    with h5py.File(path, "w") as file:
        file.create_group("image")
    with pytest.raises(DataError) as caught:
        open_images(path)
    assert "none" in message(caught.value)


def test_a_group_among_the_images(path, message):
    with h5py.File(path, "w") as file:
        file["image/a"] = PIXELS[0]
        file["image/b/c"] = PIXELS[0]
    with open_images(path) as source, pytest.raises(DataError) as caught:
        source[1]
    assert "'b'" in message(caught.value)


def test_the_first_image_of_other_channels_is_named(path, message):
    with h5py.File(path, "w") as file:
        file["image/a"] = np.zeros((2, 3), np.uint8)
        file["image/b"] = np.zeros((2, 3, 3), np.uint8)
    with open_images(path) as source, pytest.raises(DataError) as caught:
        source[1]
    assert "'b'" in message(caught.value)
    assert "'a'" in str(caught.value)


def test_missing_label_keys_are_counted(path, message):
    with h5py.File(path, "w") as file:
        for index in range(5):
            file[f"image/{index}"] = PIXELS[0]
        file["look/0"] = 1.0
        file["look/3"] = 1.0
    with open_images(path) as source, pytest.raises(DataError) as caught:
        source.labels("look")
    assert "none for 3, the first '1'" in message(caught.value)


def test_labels_of_different_shapes(path, message):
    with h5py.File(path, "w") as file:
        for index in range(2):
            file[f"image/{index}"] = PIXELS[0]
            file[f"look/{index}"] = np.zeros(index + 1)
    with open_images(path) as source, pytest.raises(DataError) as caught:
        source.labels("look")
    assert "(1,)" in message(caught.value)
    assert "(2,)" in str(caught.value)


def test_labels_of_varying_length(path, message):
    with h5py.File(path, "w") as file:
        file["image"] = PIXELS
        file.create_dataset("look", (4,), h5py.vlen_dtype(np.int32))
    with open_images(path) as source, pytest.raises(DataError) as caught:
        source.labels("look")
    assert "'/look'" in message(caught.value)


def test_too_much_at_the_top_is_not_opened_one_by_one(path, message):
    with h5py.File(path, "w") as file:
        for index in range(1001):
            file[str(index)] = 0
    with pytest.raises(DataError) as caught:
        open_images(path)
    assert "1001" in message(caught.value)


@pytest.mark.parametrize("name", ["image/a", "label/a"])
def test_a_claim_of_terabytes_is_refused_before_memory_is_asked_for(path, name, message):
    with h5py.File(path, "w") as file:
        file["image/b"] = np.zeros((4, 5), np.uint8)
        file["label/b"] = 1.0
        file.create_dataset(name, (2**20, 2**20), "f8")
        file["label/a" if name == "image/a" else "image/a"] = np.zeros((4, 5), np.uint8)

    def read():
        with open_images(path) as source:
            source.read(range(2))
            source.labels("label")

    with pytest.raises(DataError) as caught:
        read()
    assert "at most" in message(caught.value)


def test_a_sibling_whose_name_is_no_utf_8_does_no_harm(path):
    with h5py.File(path, "w") as file:
        file["image"] = np.zeros((3, 4, 5), np.uint8)
        h5py.h5g.create(file.id, b"\xff\xfe")
    with open_images(path) as source:
        assert len(source) == 3


def test_a_locked_file_is_said_to_be_locked(path):
    with h5py.File(path, "w") as file:
        file["image"] = np.zeros((3, 4, 5), np.uint8)
    hold = "import h5py, sys; f = h5py.File(sys.argv[1], 'r+'); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(DataError) as caught:
            open_images(path)
        told = str(caught.value)
        other.stdin.close()
    assert "locked" in told
    assert "HDF5_USE_FILE_LOCKING=FALSE" in told
