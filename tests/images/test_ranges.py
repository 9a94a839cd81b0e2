"""Which range is used: worked out by hand for each kind of request and type."""

from __future__ import annotations

import numpy as np
import pytest

from simgan.errors import DataError
from simgan.images import PixelRange, open_images
from simgan.images.ranges import TypedRange, choose_range

UNIT, SIGNED, TWELVE = PixelRange(0, 1), PixelRange(-1, 1), PixelRange(0, 4095)


def chosen(asked, dtype, images=()):
    return choose_range(asked, np.dtype(dtype), images, "set")


@pytest.mark.parametrize(
    ("asked", "dtype", "expected"),
    [
        (None, "uint8", (PixelRange(0, 255), "type")),
        (TWELVE, "uint16", (TWELVE, "given")),
        (TypedRange(TWELVE, np.dtype("uint16")), "uint16", (TWELVE, "known")),
        (TypedRange(TWELVE, np.dtype("uint16")), "uint8", (PixelRange(0, 255), "type")),
        (TypedRange(PixelRange(0, 100), np.dtype("uint8")), "uint16", (PixelRange(0, 65535), "type")),
        (TypedRange(SIGNED, np.dtype("float32")), "float64", (SIGNED, "known")),
        (TypedRange(SIGNED, np.dtype("float32")), "uint8", (PixelRange(0, 255), "type")),
        # Recorded by an older version, without the type.
        (TypedRange(TWELVE, None), "uint8", (PixelRange(0, 255), "type")),
        (TypedRange(TWELVE, None), "uint16", (TWELVE, "known")),
        (TypedRange(SIGNED, None), "float32", (SIGNED, "known")),
    ],
)
def test_a_known_range_belongs_to_its_type(asked, dtype, expected):
    assert chosen(asked, dtype) == expected


def test_floats_are_inferred_only_where_no_range_of_floats_is_known():
    images = [np.array([0.0, 0.7], np.float32)]
    assert chosen(TypedRange(PixelRange(0, 255), np.dtype("uint8")), "float32", images) == (UNIT, "inferred")
    assert chosen(TypedRange(SIGNED, np.dtype("float32")), "float32", images) == (SIGNED, "known")


@pytest.mark.parametrize("skip", ["stop", "skip"])
def test_a_set_that_does_not_fit_the_known_range_is_an_error_on_opening(tmp_path, skip, message):
    np.save(tmp_path / "a.npy", np.full((3, 2, 2), 1.5, np.float32))
    known = TypedRange(SIGNED, np.dtype("float32"))
    with pytest.raises(DataError) as caught:
        open_images(tmp_path / "a.npy", pixel_range=known, on_bad_image=skip)
    assert "[-1, 1], the range of the training" in message(caught.value)
    assert "--range" in str(caught.value)


def test_a_known_range_of_another_type_is_remembered_to_be_told(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, 2, 2), np.uint8))
    known = TypedRange(TWELVE, np.dtype("uint16"))
    with open_images(tmp_path / "a.npy", pixel_range=known) as source:
        assert (source.pixel_range, source.other_range) == (PixelRange(0, 255), known)


def test_a_range_wider_than_float32_holds_is_refused(tmp_path, only_line):
    np.save(tmp_path / "images.npy", np.zeros((3, 4, 4), np.float32))
    with pytest.raises(DataError) as caught:
        open_images(tmp_path / "images.npy", pixel_range=PixelRange(-3e38, 3e38))
    assert "float32" in only_line(str(caught.value))
