from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from simgan.images import PixelRange, open_images
from simgan.images.notes import NOTE_SAMPLE, sample_notes
from simgan.images.ranges import TypedRange


def notes_of(path, pixel_range=None, **options):
    with open_images(path, pixel_range=pixel_range) as source:
        return sample_notes(source, **options)


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (8, 30, 40), dtype=np.uint8)


def test_a_plain_set_has_no_notes(tmp_path, noise):
    np.save(tmp_path / "a.npy", noise)
    assert notes_of(tmp_path / "a.npy", trained_at=(30, 40), resized_to=(15, 20)) == ()


def test_a_guess_names_the_flag_of_the_command(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[[0.0, 0.5]]], np.float32))
    (note,) = notes_of(tmp_path / "a.npy", flag="--real-range")
    assert note.text.endswith("give --real-range LOW HIGH")
    assert note.line("a.npy") == f"note: a.npy: {note.text}"


@pytest.mark.parametrize(
    ("low", "high", "doubt"),
    [
        (-0.5, 0.5, ""),
        (0, 0.09, "less than a tenth"),
        (-0.05, 0.1, "less than a tenth"),
        (-0.02, 1, "hardly below 0"),
        (0, 26, ""),
    ],
)
def test_a_guess_that_is_in_doubt_is_a_warning(tmp_path, low, high, doubt):
    np.save(tmp_path / "a.npy", np.array([[[low, high]]], np.float64))
    (note,) = notes_of(tmp_path / "a.npy")
    assert note.warning is bool(doubt)
    assert doubt in note.text


def test_dark_16_bits_are_a_warning_under_a_tenth_and_a_note_above(tmp_path):
    for name, brightest, warning in (("a", 6000, True), ("b", 7000, False)):
        np.save(tmp_path / f"{name}.npy", np.array([[[0, brightest]]], np.uint16))
        (note,) = notes_of(tmp_path / f"{name}.npy", flag="--synthetic-range")
        assert note.warning is warning
        assert "--synthetic-range 0 8191 for 13 bits" in note.text
    np.save(tmp_path / "c.npy", np.array([[[0, 20000]]], np.uint16))  # more than a quarter of 65536
    assert notes_of(tmp_path / "c.npy") == ()


def test_a_known_range_is_told_where_it_belongs_to_another_type(tmp_path, noise):
    np.save(tmp_path / "a.npy", noise)
    known = TypedRange(PixelRange(0, 4095), np.dtype("uint16"))
    (note,) = notes_of(tmp_path / "a.npy", known)
    assert (
        "[0, 4095], is for uint16 pixels; these images are uint8, so the full range of that type is used" in note.text
    )


def test_a_known_or_given_range_that_is_hardly_filled_is_a_warning(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[[0.0, 1.0]]], np.float32))
    limits = PixelRange(0, 255)
    for asked in (limits, TypedRange(limits, np.dtype("float32"))):
        (note,) = notes_of(tmp_path / "a.npy", asked)
        assert note.warning
        assert "fill less than a tenth of [0, 255]" in note.text


def test_stretched_images_are_counted_with_the_worst(tmp_path, write_pngs):
    shapes = [(20, 40), (21, 40), (20, 20), (40, 20)]  # to 10x20: 1, 1.05, 2 and 4 times
    folder = write_pngs(tmp_path / "set", [np.arange(h * w, dtype=np.uint8).reshape(h, w) for h, w in shapes])
    (note,) = notes_of(folder, resized_to=(10, 20))
    assert note.text.startswith("2 of 4 images")
    assert "by a factor of up to 4.00 (40x20)" in note.text


@pytest.mark.parametrize(
    ("trained_at", "told"), [((15, 20), False), ((14, 19), True), ((60, 80), False), ((70, 90), True)]
)
def test_another_scale_than_that_of_training_is_told(tmp_path, noise, trained_at, told):
    np.save(tmp_path / "a.npy", noise)  # 30x40: twice as large as 15x20 along a side, half of 60x80
    assert bool(notes_of(tmp_path / "a.npy", trained_at=trained_at)) is told


def test_what_is_seen_in_a_sample_is_said_of_the_sample(tmp_path, write_pngs, noise):
    folder = write_pngs(tmp_path / "set", [noise[index % 8] for index in range(NOTE_SAMPLE + 1)])
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.fromarray(noise[0]).save(folder / "000.png", exif=exif)
    (note,) = notes_of(folder)
    assert note.text == (
        f"1 of {NOTE_SAMPLE} images in a sample have an EXIF orientation, which is ignored: "
        "their pixels are used as stored, "
        "the first '000.png'"
    )


def test_an_image_that_cannot_be_used_is_passed_over(tmp_path):
    images = np.full((3, 2, 2), 0.5, np.float32)
    images[0, 0, 0] = 0
    np.save(tmp_path / "a.npy", images)
    with open_images(tmp_path / "a.npy", pixel_range=PixelRange(0, 0.4)) as source:
        assert sample_notes(source) == ()
