from __future__ import annotations

import numpy as np
import pytest

from simgan.errors import DataError
from simgan.images.arrays import (
    Member,
    as_image,
    as_images,
    as_slice,
    check_size,
    check_stack,
    check_unpacked,
    choose,
    one_line,
)

IMAGE = Member("image", "9x8x7 uint8", stack=True)
OTHER = Member("depth", "9x8x7 uint8", stack=True)
LABEL = Member("look", "9x3 float32", stack=False)


@pytest.mark.parametrize(
    ("members", "key", "expected"),
    [
        ([LABEL, OTHER, IMAGE], None, "image"),
        ([LABEL, OTHER], None, "depth"),
        ([LABEL, OTHER, IMAGE], "depth", "depth"),
    ],
)
def test_choose(members, key, expected):
    assert choose(members, key, "set") == expected


@pytest.mark.parametrize(
    ("members", "key", "words"),
    [
        ([IMAGE, Member("images", "9x8x7", True)], None, ["2 that could be", "'image' (9x8x7 uint8)", "'images'"]),
        ([OTHER, Member("other", "1x1x1", True), LABEL], None, ["'depth'", "'other'"]),
        ([LABEL], None, ["none among", "'look' (9x3 float32)"]),
        ([], None, ["empty file"]),
        ([IMAGE], "imge", ["'imge'", "none among", "'image'"]),
    ],
)
def test_choose_gives_up(members, key, words, message):
    with pytest.raises(DataError) as caught:
        choose(members, key, "set.h5")
    text = message(caught.value)
    assert "key=" in text
    assert all(word in text for word in ["set.h5", *words])


@pytest.mark.parametrize(
    "dtype", [bool, np.int8, np.int32, np.uint32, complex, object, "S3", "f4,f4", "datetime64[s]"]
)
def test_other_types_are_refused(dtype, message):
    with pytest.raises(DataError) as caught:
        as_image(np.zeros((2, 2), dtype), "image 'a'")
    assert "image 'a'" in message(caught.value)
    assert "uint8, uint16, float16, float32, float64" in str(caught.value)


@pytest.mark.parametrize("shape", [(), (3,), (1, 2, 3, 4), (0, 2), (2, 2, 0)])
def test_other_shapes_are_refused(shape, message):
    with pytest.raises(DataError) as caught:
        as_image(np.zeros(shape, np.uint8), "image 'a'")
    assert str(shape) in message(caught.value)


@pytest.mark.parametrize("shape", [(2, 2), (0, 2, 2), (1, 1, 2, 2, 2)])
def test_other_stacks_are_refused(shape, message):
    with pytest.raises(DataError) as caught:
        check_stack(shape, np.dtype("u1"), "set")
    assert str(shape) in message(caught.value)


def test_as_image_adds_the_axis_and_turns_the_bytes():
    image = as_image(np.array([[1, 2]], ">u2"), "image")
    assert image.shape == (1, 2, 1)
    assert image.dtype == np.uint16
    assert image.dtype.isnative
    np.testing.assert_array_equal(image[..., 0], [[1, 2]])


@pytest.mark.parametrize("shape", [(2, 1, 2), (2, 1, 2, 1)])
def test_as_images_adds_the_axis_and_turns_the_bytes(shape):
    images = as_images(np.array([1, 2, 3, 4], ">u2").reshape(shape))
    assert images.shape == (2, 1, 2, 1)
    assert images.dtype == np.uint16
    assert images.dtype.isnative
    assert images.ravel().tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("indices", "expected"),
    [
        ([3], slice(3, 4)),
        (range(2, 6), slice(2, 6)),
        ([0, 1, 2], slice(0, 3)),
        ([2, 1], None),
        ([1, 1], None),
        ([0, 2], None),
        ([0, 2, 1, 3], None),
    ],
)
def test_as_slice(indices, expected):
    assert as_slice(indices) == expected


def test_one_line():
    assert one_line(ValueError("a\n  b")) == "a b"
    assert one_line(KeyError()) == "KeyError"
    assert len(one_line(ValueError("x" * 999))) == 200


def test_an_image_beyond_pillows_limit_is_refused_before_it_is_read(message):
    with pytest.raises(DataError) as caught:
        check_size((2**20, 2**20), np.dtype("u1"), "image 'a'")
    assert "pixels" in message(caught.value)
    check_size((9000, 9000), np.dtype("u1"), "image 'a'")


def test_what_claims_to_unpack_to_a_hundred_times_its_size_is_refused(message):
    with pytest.raises(DataError) as caught:
        check_unpacked(2**31, 2**20, "label 'a'")
    assert "100 times" in message(caught.value)
    check_unpacked(2**31, 2**25, "label 'a'")
    check_unpacked(2**29, 1, "label 'a'")  # small enough, however it was packed
