"""Where images are looked for in HDF5 files."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from simgan.errors import DataError
from simgan.images import hdf5, hdf5_search, inspect_images, open_images

PIXELS = np.arange(480, dtype=np.uint8).reshape(6, 8, 10) % 200


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.h5"


def write(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values
    return path


@pytest.mark.parametrize("key", [None, "/"])
@pytest.mark.parametrize("colour", [False, True])
def test_images_at_the_root(path, key, colour):
    images = {
        name: np.stack([image] * 3, -1) if colour else image for name, image in zip("badc", PIXELS, strict=False)
    }
    with open_images(write(path, **images), key=key) as source:
        assert source.kind == "HDF5, one data set per image at the root"
        assert list(source.names) == ["a", "b", "c", "d"]
        assert source.channels == (3 if colour else 1)
        np.testing.assert_array_equal(source[0][..., 0], PIXELS[1])
        assert source.label_names == ()


def test_what_is_no_image_at_the_root_is_said(path):
    write(path, a=PIXELS[0], b=PIXELS[1], c=PIXELS[2], table=np.zeros((9, 7)), count=3)
    with h5py.File(path, "a") as file:
        file["soft"] = h5py.SoftLink("/a")
        file["gaze/a"], file["gaze/b"], file["gaze/c"] = 1.0, 2.0, 3.0
    report = inspect_images(path)
    assert (report.count, report.problem_count) == (3, 0)
    assert list(report.labels) == ["gaze"]  # a group with the names of the images
    assert any("'count', 'soft', 'table'" in note for note in report.notes)
    assert any("--key NAME" in note for note in report.notes)  # that it was guessed
    assert not any("--key NAME" in note for note in inspect_images(path, key="/").notes)


@pytest.mark.parametrize(
    "arrays",
    [
        {"a": PIXELS[0]},  # one could be anything
        {"a": PIXELS[0], "b": PIXELS[1].astype(np.uint16)},
        {"a": np.zeros((9, 7)), "b": np.zeros((9, 8))},  # tables of one length
        {"a": np.zeros((9, 2)), "b": np.zeros((9, 2))},
        {"a": PIXELS[0] > 0, "b": PIXELS[0] > 0},
    ],
)
def test_data_sets_that_may_be_no_images_are_not_guessed(path, arrays, message):
    with pytest.raises(DataError) as caught:
        open_images(write(path, **arrays))
    assert all(word in message(caught.value) for word in ("--key '*/image'", "--key /"))


def test_the_only_stack_goes_before_tables(path):
    with open_images(write(path, eyes=PIXELS, one=np.zeros((9, 7)), two=np.zeros((9, 7)))) as source:
        assert len(source) == 6


def test_small_images_and_channels_first_can_be_named(path):
    with open_images(write(path, a=PIXELS[0, :2, :3], b=PIXELS[1, :2, :3]), key="/") as source:
        assert source.size(0) == (2, 3)
    planes = np.stack([PIXELS[0]] * 3)
    with open_images(write(path, a=planes, b=planes), key="/", layout="nchw") as source:
        assert source[1].shape == (8, 10, 3)


def test_a_key_that_names_no_image_at_the_root(path, message):
    with pytest.raises(DataError) as caught:
        open_images(write(path, image=PIXELS, gaze=np.zeros(6)), key="/")
    assert "--key /" in message(caught.value)


def test_more_images_at_the_root_than_are_probed(path, monkeypatch):
    monkeypatch.setattr(hdf5, "MAX_MEMBERS", 4)
    monkeypatch.setattr(hdf5_search, "_PROBED", 3)
    with open_images(write(path, **{f"i{n}": image for n, image in enumerate(PIXELS)})) as source:
        assert len(source) == 6


def test_a_damaged_image_at_the_root_is_not_left_out(path):
    write(path, **{f"i{n}": image for n, image in enumerate(PIXELS)})
    with h5py.File(path) as file:
        start = h5py.h5o.get_info(file["i3"].id).addr
    with path.open("r+b") as raw:
        raw.seek(start)
        raw.write(b"\xff" * 16)
    report = inspect_images(path)
    assert (report.count, report.problem_count) == (6, 1)
    assert "'i3'" in report.problems[0]


def test_a_glob_that_fits_nothing(path, message):
    with pytest.raises(DataError) as caught:
        open_images(write(path, **{"p00/eyes": PIXELS}), key="*/image")
    assert all(word in message(caught.value) for word in ("'*/image'", "p00 (a group of 1)"))


def test_a_name_with_a_star_is_no_glob(path):
    with open_images(write(path, **{"p/*": PIXELS, "p/a": PIXELS[:2]}), key="p/*") as source:
        assert len(source) == 6


def test_a_glob_follows_no_links(path, tmp_path):
    write(tmp_path / "b.h5", image=PIXELS)
    write(path, **{"p0/image": PIXELS, "p1/image": PIXELS, "there/eyes": PIXELS})
    with h5py.File(path, "a") as file:
        file["p2"] = h5py.ExternalLink("b.h5", "/")
        file["p3"] = h5py.SoftLink("/p0")
        file["p4/image"] = h5py.ExternalLink("b.h5", "image")
    with open_images(path, key="p*/image") as source:
        assert len(source) == 12
        assert any("'p4'" in note for note in source.notes())


def test_groups_that_hold_each_other(path, monkeypatch, message):
    write(path, image=PIXELS)
    with h5py.File(path, "a") as file:
        for name in "abcdefgh":
            file[name] = file["/"]
    monkeypatch.setattr(hdf5_search, "MAX_COMPARED", 1000)
    with pytest.raises(DataError) as caught:
        open_images(path, key="*/*/*/*/*/image")
    assert "1000" in message(caught.value)


def test_too_many_places(path, monkeypatch, message):
    write(path, **{f"p{n}/image": PIXELS for n in range(4)})
    monkeypatch.setattr(hdf5, "MAX_PLACES", 3)
    with pytest.raises(DataError) as caught:
        open_images(path, key="*/image")
    assert "at most 3" in message(caught.value)


def test_single_images_and_many_are_not_mixed(path, message):
    with pytest.raises(DataError) as caught:
        open_images(write(path, **{"p0/image": PIXELS, "p1/image": PIXELS[0]}), key="*/image")
    assert "'*/image'" in message(caught.value)


@pytest.mark.parametrize("key", ["type", "t*", "*/type"])
def test_a_stored_type_is_no_array(path, key, message):
    write(path, image=PIXELS)
    with h5py.File(path, "a") as file:
        file["type"] = file["p0/type"] = np.dtype("u1")
    with pytest.raises(DataError) as caught:
        open_images(path, key=key)
    assert "'type'" in message(caught.value)


def test_notes_of_long_names_stay_short(path):
    write(path, a=PIXELS[0], b=PIXELS[1], **{letter * 4000: 1 for letter in "xyz"})
    with h5py.File(path, "a") as file:
        file[f"{'g' * 4000}/eyes"] = file["p0/image"] = PIXELS
    for key in (None, "*/image"):
        notes = inspect_images(path, key=key).notes
        assert notes
        assert all(len(note) < 600 for note in notes)


@pytest.mark.parametrize("key", [None, "/"])
def test_labels_among_the_images_at_the_root_are_refused(path, key, only_line):
    arrays = {f"{index}": image for index, image in enumerate(PIXELS)}
    arrays |= {f"{index}_mask": np.where(image > 100, 255, 0).astype(np.uint8) for index, image in enumerate(PIXELS)}
    with pytest.raises(DataError) as caught:
        open_images(write(path, **arrays), key=key)
    message = only_line(str(caught.value))
    assert "6 whose names are those of masks" in message
    assert "--key '?'" in message  # the way out
    with open_images(path, key="?") as source:
        assert tuple(source.names) == ("0", "1", "2", "3", "4", "5")


def test_the_glob_that_is_advised_begins_or_ends_as_the_images_do(path, only_line):
    arrays = {f"frame{'s' * index}": image for index, image in enumerate(PIXELS)}
    arrays |= {f"mask{index}": image for index, image in enumerate(PIXELS)}
    with pytest.raises(DataError) as caught:
        open_images(write(path, **arrays))
    assert "--key 'frame*'" in only_line(str(caught.value))
