"""What is written with h5py, NumPy and Pillow is what is read; and paths that hold no images."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from simgan.errors import DataError
from simgan.images import PixelRange, inspect_images, open_images

DTYPES = st.sampled_from(["u1", "u2", "f2", "f4", "f8"])
SHAPES = hnp.array_shapes(min_dims=4, max_dims=4, max_side=5)


@st.composite
def stacks(draw):
    """(N, H, W, C) of any type: integers over all values, floats within [0, 1]."""
    dtype = np.dtype(draw(DTYPES))
    elements = st.floats(0, 1, width=8 * dtype.itemsize) if dtype.kind == "f" else None
    return draw(hnp.arrays(dtype, SHAPES, elements=elements))


def labels_of(source):
    return {name: source.labels(name) for name in source.label_names}


@settings(deadline=None, max_examples=25)
@given(images=stacks())
@pytest.mark.parametrize("name", ["keyed.h5", "gzip.h5", "big-endian.h5", "fortran.npy", "a.npz", "deflated.npz"])
def test_any_stack_in_any_array_format(write_set, name, images):
    gaze = np.arange(2 * len(images)).reshape(-1, 2)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_images(write_set(Path(folder), name, images, gaze)) as source,
    ):
        assert len(source) == len(images)
        assert source.dtype == images.dtype
        assert source.dtype.isnative
        assert source.channels == images.shape[3]
        for index, image in enumerate(images):
            assert source.size(index) == image.shape[:2]
            assert source[index].dtype == images.dtype
            np.testing.assert_array_equal(source[index], image)
        for values in labels_of(source).values():
            np.testing.assert_array_equal(values, gaze)


def test_metadata(write_set, tmp_path, array_format, images, gaze):
    path = write_set(tmp_path, array_format, images, gaze)
    with open_images(str(path)) as source:
        assert source.path == path
        assert source.pixel_range == PixelRange(0, 255)
        assert source.label_names == (() if path.suffix == ".npy" else ("gaze",))
        first = "k000" if array_format == "keyed.h5" else "0"
        assert source.names[0] == first


def test_a_given_range_is_kept(tmp_path):
    np.save(tmp_path / "a.npy", np.full((2, 3, 3), 4095, np.uint16))
    with open_images(tmp_path / "a.npy", pixel_range=PixelRange(0, 4095)) as source:
        assert source.pixel_range == PixelRange(0, 4095)
        assert source.pixel_range.to_model(source[0]).max() == 1


def test_the_name_may_be_in_capitals(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((1, 2, 2), np.uint8))
    (tmp_path / "a.npy").rename(tmp_path / "A.NPY")
    with open_images(tmp_path / "A.NPY") as source:
        assert len(source) == 1


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("a.mat", b"x", ".mat"),
        ("noextension", b"x", "no extension"),
        ("one.png", b"x", "folder"),
        ("a.h5", b"", "empty file"),
        ("a.npy", b"", "empty file"),
        ("a.npz", b"", "empty file"),
        ("a.h5", b"not one" * 9, "HDF5"),
        ("a.npy", b"not one" * 9, ".npy"),
        ("a.npz", b"not one" * 9, ".npz"),
    ],
)
def test_files_that_hold_no_images(tmp_path, name, content, word, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        open_images(tmp_path / name)
    assert name in message(caught.value)
    assert word in str(caught.value)


@pytest.mark.parametrize("name", ["keyed.h5", "gzip.h5", "images.npy", "a.npz", "deflated.npz"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_truncated_files(write_set, tmp_path, images, gaze, name, part, message):
    path = write_set(tmp_path, name, images, gaze)
    os.truncate(path, int(path.stat().st_size * part))
    with pytest.raises(DataError) as caught:
        open_images(path)
    assert name in message(caught.value)


def test_a_missing_path(tmp_path, message):
    with pytest.raises(DataError) as caught:
        open_images(tmp_path / "none")
    assert "does not exist" in message(caught.value)


@pytest.mark.parametrize("name", ["folder", "a.npy"])
def test_a_key_where_there_is_nothing_to_name(tmp_path, name, message):
    (tmp_path / "folder").mkdir()
    np.save(tmp_path / "a.npy", np.zeros((1, 2, 2), np.uint8))
    with pytest.raises(DataError) as caught:
        open_images(tmp_path / name, key="image")
    assert "--key" in message(caught.value)


def test_importing_loads_neither_decoders_nor_frameworks():
    code = "import sys, simgan.images; print([m for m in ('h5py', 'PIL', 'torch', 'keras') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("read", [open_images, inspect_images])
def test_an_empty_path_is_not_the_current_folder(read, write_pngs, tmp_path, monkeypatch, message):
    monkeypatch.chdir(write_pngs(tmp_path / "set", np.zeros((2, 6, 8), np.uint8)))
    with pytest.raises(DataError) as caught:
        read("")
    assert "'.' for the current folder" in message(caught.value)
