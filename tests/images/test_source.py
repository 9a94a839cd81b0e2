from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from simgan.errors import DataError
from simgan.framing.framed_images import FramedImages
from simgan.images import Crops, ImageSource, PixelRange, ReadableImages, open_images
from simgan.images.ranges import TypedRange
from simgan.matching.matched_images import MatchedImages
from tests.framing.shapes import map_of, photographs, shapes


class InMemory(ImageSource):
    """Images held in a list."""

    def __init__(self, path, images):
        super().__init__(path, "in memory", [f"n{index}" for index in range(len(images))])
        self.images = images

    def stored(self, index):
        return self.images[index]

    def size(self, index):
        return self.images[index].shape[:2]

    def close(self):
        self.images = None


def zeros(dtype=np.uint8, channels=1):
    return np.zeros((2, 3, channels), dtype)


def test_indexing_as_a_sequence(tmp_path):
    source = InMemory(tmp_path, [np.full((2, 3, 1), index, np.uint8) for index in range(3)])
    source.settle(None)
    assert len(source) == 3
    assert [int(image.max()) for image in source] == [0, 1, 2]
    assert source[-1].max() == 2
    assert source[np.int64(1)].max() == 1
    for beyond in (3, -4):
        with pytest.raises(IndexError):
            source[beyond]
    with pytest.raises(TypeError):
        source["n0"]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (zeros(channels=3), ["'n1'", "'n0'", "1 channel(s) of uint8", "received 3"]),
        (zeros(np.uint16), ["'n1'", "'n0'", "uint16"]),
    ],
)
def test_a_different_image_is_named(tmp_path, other, words, message):
    source = InMemory(tmp_path, [zeros(), other])
    source.settle(None)
    with pytest.raises(DataError) as caught:
        source[1]
    assert all(word in message(caught.value) for word in words)


def test_another_size_is_an_error_once_one_is_required(tmp_path, message):
    source = InMemory(tmp_path, [zeros(), np.zeros((3, 2, 1), np.uint8)])
    source.settle(None)
    assert source[1].shape == (3, 2, 1)
    source.require_size((2, 3))
    assert source[0].shape == (2, 3, 1)
    with pytest.raises(DataError) as caught:
        source[1]
    text = message(caught.value)
    assert "'n1'" in text
    assert "2x3" in text
    assert "3x2" in text
    assert "--size HxW" in text


def test_floats_beyond_the_sampled_range_are_an_error_on_reading(tmp_path, message):
    images = [np.full((1, 1, 1), 0.5, np.float32) for _ in range(300)]
    images[1][:] = 2.0  # between two sampled ones
    source = InMemory(tmp_path, images)
    source.settle(None)
    assert source.pixel_range == PixelRange(0, 1)
    with pytest.raises(DataError) as caught:
        source[1]
    assert "'n1'" in message(caught.value)


def test_nan_in_the_sample_is_an_error_at_once(tmp_path, message):
    source = InMemory(tmp_path, [zeros(np.float32), np.full((1, 1, 1), np.nan, np.float32)])
    with pytest.raises(DataError) as caught:
        source.settle(None)
    assert "'n1'" in message(caught.value)
    assert "NaN" in str(caught.value)


def test_a_range_that_the_type_cannot_hold(tmp_path, message):
    with pytest.raises(DataError) as caught:
        InMemory(tmp_path, [zeros()]).settle(PixelRange(0, 4095))
    assert "0..255" in message(caught.value)


def test_an_unknown_label_lists_the_known(write_set, tmp_path, images, gaze, message):
    with open_images(write_set(tmp_path, "a.npz", images, gaze)) as source, pytest.raises(DataError) as caught:
        source.labels("look")
    assert "'gaze'" in message(caught.value)
    assert "'look'" in str(caught.value)


def test_several_threads_read_the_same(write_set, tmp_path, array_format, images, gaze):
    with open_images(write_set(tmp_path, array_format, images, gaze)) as source, ThreadPoolExecutor(8) as threads:
        indices = list(range(5)) * 40
        for index, image in zip(indices, threads.map(source.__getitem__, indices), strict=True):
            np.testing.assert_array_equal(image, images[index])


@pytest.mark.parametrize("indices", [range(1, 4), [4, 0, 0, -1, 2], [3], [], np.array([2, 1])], ids=str)
def test_read_gives_the_images_at_the_indices_in_their_order(write_set, tmp_path, array_format, images, gaze, indices):
    with open_images(write_set(tmp_path, array_format, images, gaze)) as source:
        read = source.read(indices)
        assert len(read) == len(indices)
        for index, image in zip(indices, read, strict=True):
            assert image.dtype == images.dtype
            np.testing.assert_array_equal(image, images[index])


@pytest.mark.parametrize("side", [4, 300])  # 300: large enough for threads
def test_read_of_a_folder(write_folder, tmp_path, side):
    images = np.random.default_rng(0).integers(0, 256, (6, side, side, 1), dtype=np.uint8)
    with open_images(write_folder(tmp_path / "folder", images)) as source:
        np.testing.assert_array_equal(np.stack(source.read([5, 1, 1, 0, 4])), images[[5, 1, 1, 0, 4]])
        assert source.size(0) == source.size(2) == (side, side)


@pytest.mark.parametrize("name", ["keyed.h5", "stacked.h5", "images.npy", "a.npz"])
@pytest.mark.parametrize("value", [np.nan, 7])
@pytest.mark.parametrize("indices", [range(5), [0, 4, 3, 1]])
def test_read_fails_as_indexing_does_for_the_first_at_fault(write_set, tmp_path, gaze, name, value, indices):
    images = np.full((5, 2, 3, 1), 0.5, np.float32)
    images[3:, 1, 1] = value
    with open_images(write_set(tmp_path, name, images, gaze), pixel_range=PixelRange(0, 1)) as source:
        first = next(index for index in indices if index >= 3)
        with pytest.raises(DataError) as one:
            source[first]
        with pytest.raises(DataError) as many:
            source.read(indices)
        assert str(many.value) == str(one.value)
        assert len(source.read(range(3))) == 3


def test_read_holds_images_to_the_required_size(write_set, tmp_path, array_format, images, gaze):
    with open_images(write_set(tmp_path, array_format, images, gaze)) as source:
        source.require_size((4, 6))
        with pytest.raises(DataError) as caught:
            source.read([2, 3])
    assert source.where(2) in str(caught.value)


def test_read_beyond_the_last(write_set, tmp_path, array_format, images, gaze):
    with open_images(write_set(tmp_path, array_format, images, gaze)) as source, pytest.raises(IndexError):
        source.read([0, 5])


OWN = {"path", "kind", "names", "label_names"}  # what each source passes to the constructor


@pytest.mark.parametrize(
    "wrap",
    [
        lambda whole: FramedImages(whole, map_of(shapes(1), photographs())),
        lambda whole: MatchedImages(whole, [np.zeros((4, 4, 1), np.float32)], 0),
        lambda whole: Crops(whole, (4, 4), seed=0),
        lambda whole: ReadableImages(whole, None),
    ],
    ids=["framed", "matched", "crops", "readable"],
)
def test_a_source_of_another_has_all_its_attributes(wrap, tmp_path):
    """Every attribute that ImageSource declares, most with a value that is not the default."""
    np.save(tmp_path / "x.npy", shapes(1, count=9))
    with open_images(tmp_path / "x.npy") as whole:
        whole.key, whole.pattern, whole.wanted_channels, whole.follow_links = "key", "*.png", 1, False
        whole.other_arrays, whole.other_range = ("time",), TypedRange(PixelRange(0, 1), np.dtype("f4"))
        source = wrap(whole)
        for name in set(ImageSource.__annotations__) - OWN:
            assert getattr(source, name) == getattr(whole, name), name
