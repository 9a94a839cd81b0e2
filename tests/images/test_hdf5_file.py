"""Links and data kept in other files, which HDF5 would follow anywhere."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from simgan.errors import DataError
from simgan.images import open_images
from simgan.images.hdf5_file import reading

PIXELS = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)


@pytest.fixture
def elsewhere(tmp_path):
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["image"] = PIXELS
        file["one"] = PIXELS[0]
    return tmp_path / "b.h5"


@pytest.mark.parametrize("name", ["image", "image/a"])
@pytest.mark.parametrize("link", [h5py.SoftLink("/there"), h5py.ExternalLink("b.h5", "one")])
def test_links_are_refused(tmp_path, elsewhere, name, link, message):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["there"] = PIXELS[0]
        file[name] = link
    with pytest.raises(DataError) as caught:
        open_images(tmp_path / "a.h5")
    assert "link" in message(caught.value)


def test_links_are_no_labels(tmp_path, elsewhere):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"] = PIXELS
        file["look"] = h5py.ExternalLink("b.h5", "image")
    with open_images(tmp_path / "a.h5") as source:
        assert source.label_names == ()


def test_raw_files_are_refused(tmp_path, message):
    (tmp_path / "raw").write_bytes(PIXELS.tobytes())
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("image", PIXELS.shape, "u1", external=[(str(tmp_path / "raw"), 0, 24)])
    with pytest.raises(DataError) as caught:
        open_images(tmp_path / "a.h5")
    assert "kept in another" in message(caught.value)


def test_virtual_data_sets_are_refused(tmp_path, elsewhere, message):
    layout = h5py.VirtualLayout(PIXELS.shape, "u1")
    layout[:] = h5py.VirtualSource(elsewhere, "image", PIXELS.shape)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_virtual_dataset("image", layout)
    with pytest.raises(DataError) as caught:
        open_images(tmp_path / "a.h5")
    assert "kept in another" in message(caught.value)


def test_what_h5py_raises_names_the_place(message):
    with pytest.raises(DataError) as caught, reading("image 'a'"):
        raise OSError("can't\nread")
    assert "image 'a'" in message(caught.value)
    assert "can't read" in str(caught.value)


def test_a_closed_source(tmp_path, elsewhere, message):
    source = open_images(elsewhere, key="image")
    source.close()
    source.close()
    with pytest.raises(DataError):
        source[0]


def test_a_damaged_chunk(tmp_path, message):
    with h5py.File(tmp_path / "c.h5", "w") as file:
        pixels = np.arange(4096, dtype=np.uint8).reshape(4, 32, 32)
        data = file.create_dataset("image", data=pixels, chunks=(1, 32, 32), fletcher32=True)
        start = data.id.get_chunk_info(2).byte_offset
    with (tmp_path / "c.h5").open("r+b") as raw:
        raw.seek(start + 5)
        raw.write(b"\xff\xff\x01")
    with open_images(tmp_path / "c.h5") as source:
        np.testing.assert_array_equal(source[1][..., 0], pixels[1])
        with pytest.raises(DataError) as caught:
            source[2]
    assert "image '2'" in message(caught.value)
