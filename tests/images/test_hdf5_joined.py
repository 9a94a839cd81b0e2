"""Images at several places of one HDF5 file: a group per person."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from simgan.errors import DataError
from simgan.images import inspect_images, open_images

# Image i is i everywhere, so that it tells which one was read.
PIXELS = np.arange(6, dtype=np.uint8)[:, np.newaxis, np.newaxis] * np.ones((6, 8, 10), np.uint8)
TEXT = h5py.string_dtype()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.h5"


def persons(path, kinds, **options):
    """Two images and two labels for each person, p0 and on; `kinds` says how the images of each are kept."""
    with h5py.File(path, "w") as file:
        for person, kind in enumerate(kinds):
            images = PIXELS[2 * person : 2 * person + 2]
            if kind == "stacked":
                file.create_dataset(f"p{person}/image", data=images, **options)
                file[f"p{person}/gaze"] = np.array([[2.0 * person, 0.5], [2.0 * person + 1, 0.5]])
                file.create_dataset(f"p{person}/word", data=[f"w{2 * person}", f"w{2 * person + 1}"], dtype=TEXT)
                continue
            for place, image in enumerate(images):
                number = 2 * person + place
                file.create_dataset(f"p{person}/image/{place}", data=image, **options)
                file[f"p{person}/gaze/{place}"] = np.array([number, 0.5])
                file.create_dataset(f"p{person}/word/{place}", data=f"w{number}", dtype=TEXT)
    return path


@pytest.mark.parametrize("kinds", [["keyed"] * 3, ["stacked"] * 3, ["keyed", "stacked", "keyed"]])
def test_a_glob_joins_the_images_and_labels_of_all_persons(path, kinds):
    with open_images(persons(path, kinds), key="*/image") as source:
        assert list(source.names) == [f"p{person}/image/{place}" for person in range(3) for place in range(2)]
        assert [int(source[index][0, 0, 0]) for index in range(6)] == [0, 1, 2, 3, 4, 5]
        assert [int(image[0, 0, 0]) for image in source.read([5, 0, 2, 3, 1, 4, 0])] == [5, 0, 2, 3, 1, 4, 0]
        assert [int(image[0, 0, 0]) for image in source.read([3, 2])] == [3, 2]
        assert source.size(5) == (8, 10)
        assert source.label_names == ("gaze", "word")
        np.testing.assert_array_equal(source.labels("gaze"), [[n, 0.5] for n in range(6)])
        assert source.labels("word").tolist() == ["w0", "w1", "w2", "w3", "w4", "w5"]


def test_a_compressed_stack_of_each_person_is_read_out_of_order(path):
    persons(path, ["stacked"] * 3, compression="gzip", chunks=(2, 4, 5))
    with open_images(path, key="p[12]/image") as source:
        assert [int(image[0, 0, 0]) for image in source.read([3, 0, 2, 1])] == [5, 2, 4, 3]


def test_one_place_is_read_as_if_it_was_named(path):
    with open_images(persons(path, ["keyed"] * 2), key="p1/ima*") as source:
        assert source.kind == "HDF5, one data set per image"
        assert list(source.names) == ["0", "1"]
        assert source.label_names == ("gaze", "word")


def test_two_eyes_of_a_person_are_no_labels_of_each_other(path):
    with h5py.File(path, "w") as file:
        for name in ("left", "right"):
            file[f"p0/{name}"] = PIXELS
        file["p0/gaze"] = np.zeros((6, 2))
    with open_images(path, key="p0/[lr]*") as source:
        assert len(source) == 12
        assert source.label_names == ("gaze",)
        assert source.names[7] == "p0/right/1"


def test_labels_that_only_some_persons_have_are_said(path):
    persons(path, ["keyed", "stacked"])
    with h5py.File(path, "a") as file:
        del file["p0/word"]
        file["p1/short"] = [1, 2, 3]
    report = inspect_images(path, key="*/image")
    assert list(report.labels) == ["gaze"]
    assert any("'p1/word'" in note and "'p1/short'" in note for note in report.notes)


def test_persons_without_images_are_said(path):
    persons(path, ["keyed", "keyed"])
    with h5py.File(path, "a") as file:
        file["p2/gaze/0"] = 1.0
    report = inspect_images(path, key="*/image")
    assert (report.count, report.problem_count) == (4, 0)
    assert any("'p2'" in note and "'*/image'" in note for note in report.notes)


def test_a_person_of_another_type_is_a_problem_by_name(path):
    persons(path, ["keyed", "keyed", "keyed"])
    with h5py.File(path, "a") as file:
        del file["p1/image/1"]
        file["p1/image/1"] = np.zeros((8, 10), np.uint16)
    report = inspect_images(path, key="*/image")
    assert report.problem_count == 1
    assert "'p1/image/1'" in report.problems[0]
    assert "uint16" in report.problems[0]


def test_an_unreadable_image_is_named_with_its_person(path, message):
    persons(path, ["keyed", "keyed", "keyed"], chunks=(8, 10), fletcher32=True)
    with h5py.File(path) as file:
        start = file["p1/image/1"].id.get_chunk_info(0).byte_offset
    with path.open("r+b") as raw:
        raw.seek(start)
        raw.write(b"\xff")
    with open_images(path, key="*/image") as source, pytest.raises(DataError) as caught:
        source.read([5, 3, 0])
    assert "'p1/image/1'" in message(caught.value)


def test_labels_of_another_shape_in_one_person(path, message):
    persons(path, ["keyed", "stacked"])
    with h5py.File(path, "a") as file:
        del file["p1/gaze"]
        file["p1/gaze"] = np.zeros((2, 3))
    with open_images(path, key="*/image") as source, pytest.raises(DataError) as caught:
        source.labels("gaze")
    assert all(word in message(caught.value) for word in ("'p1/gaze'", "(2,)", "(3,)"))


def test_numbers_and_text_are_not_joined(path, message):
    persons(path, ["keyed", "stacked"])
    with h5py.File(path, "a") as file:
        del file["p1/word"]
        file["p1/word"] = np.zeros(2)
    with open_images(path, key="*/image") as source, pytest.raises(DataError) as caught:
        source.labels("word")
    assert "'p1/word'" in message(caught.value)


def test_a_missing_label_is_named_with_its_person(path, message):
    persons(path, ["keyed", "keyed"])
    with h5py.File(path, "a") as file:
        del file["p1/gaze/0"]
    with open_images(path, key="*/image") as source, pytest.raises(DataError) as caught:
        source.labels("gaze")
    assert "'p1/gaze'" in message(caught.value)


def test_channels_first_in_every_person(path):
    with h5py.File(path, "w") as file:
        file["p0/image"] = np.arange(2 * 3 * 8 * 10, dtype=np.uint16).reshape(2, 3, 8, 10)
        file["p1/image/a"] = np.arange(3 * 8 * 10, dtype=np.uint16).reshape(3, 8, 10)
    with pytest.raises(DataError, match="--layout nchw"):
        open_images(path, key="*/image")
    with open_images(path, key="*/image", layout="nchw") as source:
        assert [source.size(index) for index in range(3)] == [(8, 10)] * 3
        # Channel 2 begins after two planes of 80 values.
        assert [source[index][0, 1].tolist() for index in (0, 1, 2)] == [[1, 81, 161], [241, 321, 401], [1, 81, 161]]


def test_the_arrays_of_all_persons_share_the_memory_for_chunks(path):
    persons(path, ["stacked"] * 3, chunks=(1, 8, 10))
    with open_images(path, key="*/image") as source:
        # 64 MiB in all
        assert sum(part.cache_bytes for part in source.parts()) <= 64 * 2**20
        assert min(part.cache_bytes for part in source.parts()) > 20 * 2**20
