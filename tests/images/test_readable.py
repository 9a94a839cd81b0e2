from __future__ import annotations

import numpy as np
import pytest

from simgan.errors import DataError
from simgan.images import ReadableImages, open_images


@pytest.fixture
def mixed(tmp_path, write_pngs):
    """Seven pictures, of which the first is empty, one is truncated and one has colours."""
    random = np.random.default_rng(0)
    images = [random.integers(0, 256, (5, 6), np.uint8) for _ in range(7)]
    images[4] = random.integers(0, 256, (5, 6, 3), np.uint8)
    folder = write_pngs(tmp_path / "mixed", images)
    (folder / "000.png").write_bytes(b"")
    (folder / "002.png").write_bytes((folder / "002.png").read_bytes()[:50])
    return folder, images


def test_what_can_be_used_is_there_and_the_rest_is_listed(mixed):
    folder, images = mixed
    done = []
    with open_images(folder, on_bad_image="skip", on_progress=lambda *of: done.append(of)) as source:
        assert isinstance(source, ReadableImages)
        assert list(source.names) == ["001.png", "003.png", "005.png", "006.png"]
        for index, whole in enumerate((1, 3, 5, 6)):
            np.testing.assert_array_equal(source[index][..., 0], images[whole])
            assert source.size(index) == (5, 6)
        np.testing.assert_array_equal(np.stack(source.read([3, 0]))[..., 0], [images[6], images[1]])
        assert (source.channels, source.dtype) == (1, np.uint8)
    assert [(image.place, image.name) for image in source.left_out] == [(0, "000.png"), (2, "002.png"), (4, "004.png")]
    assert "empty" in source.left_out[0].reason
    assert "channel" in source.left_out[2].reason
    assert done[-1] == (7, 7)


def test_labels_are_those_of_the_images_that_are_left(tmp_path):
    images = np.random.default_rng(0).random((5, 4, 4), np.float32)
    images[[0, 3], 1, 1] = np.nan, np.inf
    np.savez(tmp_path / "set.npz", images=images, gaze=np.arange(5))
    with open_images(tmp_path / "set.npz", on_bad_image="skip") as source:
        np.testing.assert_array_equal(source.labels("gaze"), [1, 2, 4])
        assert source.pixel_range.high == 1.0


def test_nothing_that_can_be_used_is_one_line(tmp_path, message):
    (tmp_path / "set").mkdir()
    (tmp_path / "set/a.png").write_bytes(b"no picture")
    with pytest.raises(DataError) as caught:
        open_images(tmp_path / "set", on_bad_image="skip")
    assert "none of which can be read" in message(caught.value)


def test_a_set_with_nothing_wrong_leaves_nothing_out(tmp_path):
    np.save(tmp_path / "set.npy", np.zeros((3, 4, 4), np.uint8))
    with open_images(tmp_path / "set.npy", on_bad_image="skip") as source:
        assert (len(source), source.left_out) == (3, ())


def test_stop_is_the_default(mixed):
    with pytest.raises(DataError, match=r"000\.png"):
        open_images(mixed[0])


def test_most_images_say_what_the_set_is_not_the_first(tmp_path, write_pngs):
    random = np.random.default_rng(0)
    images = [random.integers(0, 256, (5, 6), np.uint8) for _ in range(5)]
    images[0] = random.integers(0, 256, (5, 6, 3), np.uint8)
    images[1] = random.integers(0, 65536, (5, 6)).astype(np.uint16)
    folder = write_pngs(tmp_path / "set", images)
    with open_images(folder, on_bad_image="skip") as source:
        assert list(source.names) == ["002.png", "003.png", "004.png"]
        assert (source.channels, source.dtype) == (1, np.uint8)
