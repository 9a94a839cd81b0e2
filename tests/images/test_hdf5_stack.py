"""Reading many images of one data set; what `read` gives for each format is in test_source.py."""

from __future__ import annotations

import tempfile

import h5py
import numpy as np
import pytest

from simgan.errors import DataError
from simgan.images import hdf5_file, hdf5_stack, open_images


@pytest.fixture
def path(tmp_path):
    """40 images in compressed chunks of 8, all in all larger than the chunk cache of these tests."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("image", data=PIXELS.astype(">u2"), chunks=(8, 6, 5), compression="gzip")
    return tmp_path / "a.h5"


PIXELS = np.random.default_rng(0).integers(0, 65_536, (40, 6, 5)).astype(np.uint16)


@pytest.fixture(autouse=True)
def _small_cache(monkeypatch):
    monkeypatch.setattr(hdf5_file, "CHUNK_CACHE", 1000)
    monkeypatch.setattr(hdf5_stack, "_BLOCK_BYTES", 1000)


def is_unpacked(source):
    return source._stack._unpacked is not None


def test_compressed_images_are_unpacked_once_they_are_read_out_of_order(path):
    with open_images(path) as source:
        np.testing.assert_array_equal(np.stack(source.read(range(3, 39)))[..., 0], PIXELS[3:39])
        assert not is_unpacked(source)
        for indices in ([39, 0, 5, 5], [1, 38], range(4)):
            read = source.read(indices)
            assert read[0].dtype == np.dtype("=u2")
            np.testing.assert_array_equal(np.stack(read)[..., 0], PIXELS[list(indices)])
        assert is_unpacked(source)
    with pytest.raises(DataError):
        source.read([3, 1])


def test_without_room_they_are_read_where_they_are(path, monkeypatch):
    monkeypatch.setattr(hdf5_stack.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1}))
    with open_images(path) as source:
        np.testing.assert_array_equal(np.stack(source.read([39, 0, 5]))[..., 0], PIXELS[[39, 0, 5]])
        assert not is_unpacked(source)


def test_the_unpacked_copy_leaves_no_file(path, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with open_images(path) as source:
        source.read([3, 1])
        assert is_unpacked(source)
        assert [entry.name for entry in tmp_path.iterdir()] == ["a.h5"]


@pytest.mark.parametrize("indices", [range(30), [0, 20, 3]])
def test_a_damaged_chunk_names_the_first_image_in_it(path, tmp_path, indices):
    with h5py.File(path) as file:
        start = file["image"].id.get_chunk_info(2).byte_offset  # images 16 to 23
    with path.open("r+b") as raw:
        raw.seek(start)
        raw.write(b"\xff" * 40)
    with open_images(path) as source:
        with pytest.raises(DataError) as caught:
            source.read(indices)
        assert source.where(next(index for index in indices if index >= 16)) in str(caught.value)
        np.testing.assert_array_equal(np.stack(source.read([9, 3]))[..., 0], PIXELS[[9, 3]])
