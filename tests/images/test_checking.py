from __future__ import annotations

from collections import Counter

import h5py
import numpy as np
import pytest
from PIL import Image

from simgan.errors import DataError
from simgan.images import PixelRange, inspect_images


def test_a_sound_set_by_hand(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for index in range(4):
            file[f"image/{index}"] = np.array([[0, 10], [20, 10 * index]], np.uint16)
            file[f"look/{index}"] = np.zeros(3, np.float32)
    seen = []
    report = inspect_images(tmp_path / "a.h5", on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert (report.path, report.kind) == (tmp_path / "a.h5", "HDF5, one data set per image")
    assert (report.count, report.readable, report.dtype, report.channels) == (4, 4, np.uint16, 1)
    assert report.sizes == Counter({(2, 2): 4})
    assert report.pixel_range == PixelRange(0, 65535)
    # Four times 0, 10 and 20, and once each of 0, 10, 20 and 30: 180 over 16 pixels.
    assert (report.minimum, report.maximum, report.mean) == (0, 30, 180 / 16)
    assert report.labels["look"].shape == (4, 3)
    assert report.labels["look"].dtype == np.float32
    assert (report.problems, report.problem_count) == ((), 0)
    (note,) = report.notes
    assert note.startswith("the brightest 16-bit pixel is 30, ")


def test_a_label_of_another_length_is_no_label_and_is_told(tmp_path):
    images, rows = np.zeros((4, 2, 2), np.uint8), {"gaze": np.zeros((3, 2)), "look": np.zeros((4, 2))}
    images[:, 0] = 9
    np.savez(tmp_path / "a.npz", image=images, **rows)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"] = images
        for name, values in rows.items():
            file[name] = values
    for name in ("a.npz", "a.h5"):
        report = inspect_images(tmp_path / name)
        assert list(report.labels) == ["look"]
        (note,) = report.notes
        assert "each of the 4 images" in note
        assert note.startswith("not used as labels, but copied unchanged: 'gaze';")


def test_a_folder_with_everything_wrong(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (40, 40), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "b.png")
    whole = (tmp_path / "b.png").read_bytes()
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "c.png").write_bytes(whole[: len(whole) // 2])
    Image.fromarray(noise).convert("RGB").save(tmp_path / "d.png")
    Image.fromarray(noise.astype(np.uint16)).save(tmp_path / "e.png")
    Image.fromarray(noise[:30]).save(tmp_path / "f.png")
    Image.new("L", (40, 40), 3).save(tmp_path / "g.png")
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.fromarray(noise).save(tmp_path / "h.png", exif=exif)
    (tmp_path / "labels.csv").write_text("1")
    report = inspect_images(tmp_path)
    assert (report.count, report.readable, report.problem_count) == (8, 6, 4)
    assert [problem.split()[1] for problem in report.problems] == ["'a.png'", "'c.png'", "'d.png'", "'e.png'"]
    for problem, word in zip(
        report.problems, ["empty file", "cannot be read", "3 channel(s) of uint8", "uint16"], strict=True
    ):
        assert word in problem
        assert "\n" not in problem
    assert (report.dtype, report.channels) == (np.uint8, 1)
    assert report.sizes == Counter({(40, 40): 5, (30, 40): 1})
    text = "; ".join(report.notes)
    assert len(report.notes) == 4
    assert (
        "'labels.csv' is not read as labels, only copied: expected a column with the file names of the images" in text
    )
    assert "2 sizes, most often 40x40 (5 of 6)" in text
    assert "1 image(s) have one pixel value everywhere, the first 'g.png'" in text
    assert (
        "1 image(s) have an EXIF orientation, which is ignored: their pixels are used as stored, "
        "the first 'h.png'" in text
    )


def test_floats_with_nan_infinity_and_values_beyond(tmp_path):
    images = np.full((300, 2, 2), 0.25, np.float32)
    images[0, 0, 0] = 0.5
    images[1, 0, 0] = np.nan
    images[3, 0, 0] = np.inf
    images[4, 0, 0] = 7  # not in the sample from which the range is inferred
    np.save(tmp_path / "a.npy", images)
    report = inspect_images(tmp_path / "a.npy")
    assert report.pixel_range == PixelRange(0, 1)
    assert [problem.split()[1] for problem in report.problems] == ["'001'", "'003'", "'004'"]
    assert (report.minimum, report.maximum, report.readable) == (0.25, 7, 300)


def test_no_range_fits(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[[-3.0, 2.0]], [[0.0, 1.0]]]))
    report = inspect_images(tmp_path / "a.npy")
    assert report.pixel_range is None
    assert report.problem_count == 1
    assert "-3 to 2" in report.problems[0]
    assert "--range LOW HIGH" in report.problems[0]
    given = inspect_images(tmp_path / "a.npy", pixel_range=PixelRange(-3, 2))
    assert given.pixel_range == PixelRange(-3, 2)
    assert given.problems == ()


def test_a_given_range_that_is_exceeded(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[[0, 4095]], [[0, 4096]]], np.uint16))
    report = inspect_images(tmp_path / "a.npy", pixel_range=PixelRange(0, 4095))
    assert report.problem_count == 1
    assert "'1'" in report.problems[0]
    assert "4096" in report.problems[0]


def test_twenty_problems_are_listed_and_all_are_counted(tmp_path):
    for index in range(25):
        (tmp_path / f"{index:02d}.png").write_bytes(b"x")
    report = inspect_images(tmp_path)
    assert (report.count, report.readable, report.problem_count, len(report.problems)) == (25, 0, 25, 20)
    assert report.dtype is None
    assert report.channels is None
    assert report.pixel_range is None
    assert np.isnan([report.minimum, report.maximum, report.mean]).all()


def test_labels_that_do_not_fit_are_problems(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for index in range(3):
            file[f"image/{index}"] = np.array([[index, 9]], np.uint8)
        file["look/0"] = 1.0
        file["gaze/0"], file["gaze/1"], file["gaze/2"] = 1.0, 2.0, 3.0
    report = inspect_images(tmp_path / "a.h5")
    assert list(report.labels) == ["gaze"]
    assert report.labels["gaze"].shape == (3,)
    assert report.problem_count == 1
    assert "'look'" in report.problems[0]


def test_channels_first_are_refused_and_read_when_said(tmp_path, message):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).integers(0, 256, (2, 3, 32, 40), dtype=np.uint8))
    with pytest.raises(DataError) as caught:
        inspect_images(tmp_path / "a.npy")
    assert "np.moveaxis(a, 1, -1)" in message(caught.value)
    assert "--layout nchw" in str(caught.value)
    report = inspect_images(tmp_path / "a.npy", layout="nchw")
    assert (report.sizes, report.channels, report.notes) == (Counter({(32, 40): 2}), 3, ())


def test_two_channels_first_are_suspected(tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).integers(0, 256, (2, 2, 32, 40), dtype=np.uint8))
    report = inspect_images(tmp_path / "a.npy")
    assert report.problems == ()
    (note,) = report.notes
    assert "40 channels" in note
    assert report.warnings == (note,)


def test_notes_follow_the_range_that_was_given(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[[0, 4999]], [[7, 4000]]], np.uint16))
    (note,) = inspect_images(tmp_path / "a.npy").notes
    # 4999 needs 13 bits: 2^12 = 4096 is too little, 2^13 = 8192 is enough.
    assert "only 5,000 of 65,536 levels" in note
    assert "--range 0 8191 for 13 bits" in note
    assert inspect_images(tmp_path / "a.npy", pixel_range=PixelRange(0, 5000)).notes == ()


def test_an_inferred_range_is_a_note_and_one_hardly_filled_a_warning(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[[0.0, 0.5]]], np.float32))
    report = inspect_images(tmp_path / "a.npy")
    assert report.notes == (
        "float32 pixels from 0 to 0.5: the pixel range is assumed to be [0, 1]; if that is wrong, give "
        "--range LOW HIGH",
    )
    assert report.warnings == ()
    np.save(tmp_path / "b.npy", np.array([[[0.0, 0.09]]], np.float32))
    (warning,) = inspect_images(tmp_path / "b.npy").warnings
    assert "0 to 0.09: the pixel range is assumed to be [0, 1]" in warning


def test_a_set_that_fits_no_range_has_no_note_on_the_one_it_is_looked_at_with(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[[0.8, 4.4]]], np.float32))
    report = inspect_images(tmp_path / "a.npy")
    assert report.problem_count == 1
    assert (report.pixel_range, report.notes) == (None, ())


@pytest.mark.parametrize("name", ["none", "empty"])
def test_nothing_to_look_at(tmp_path, name, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError) as caught:
        inspect_images(tmp_path / name)
    assert name in message(caught.value)


def test_pixels_of_another_type_are_not_among_those_seen(tmp_path):
    for index in range(3):
        Image.fromarray(np.array([[10, 20 + index]], np.uint8)).save(tmp_path / f"{index}.png")
    Image.fromarray(np.array([[65294, 0]], np.uint16)).save(tmp_path / "a.png")
    report = inspect_images(tmp_path)
    assert (report.dtype, report.minimum, report.maximum) == (np.uint8, 10, 22)
    assert report.problem_count == 1
    assert "'a.png'" in report.problems[0]


def test_names_that_differ_in_case_alone_are_told(tmp_path):
    for name in ("A.PNG", "a.png", "b.png", "caf\u00e9.png", "cafe\u0301.png"):
        Image.fromarray(np.array([[0, 9]], np.uint8)).save(tmp_path / name)
    report = inspect_images(tmp_path)
    assert report.problem_count == 0
    (note,) = report.notes
    assert note.startswith("2 pair(s) of names")
    assert "'A.PNG' and 'a.png'" in note
