from __future__ import annotations

import zipfile

import numpy as np
import pytest

from simgan.images import open_images, write_like

PIXELS = np.random.default_rng(0).integers(0, 65536, (4, 3, 2), dtype=np.uint16)


def refine(path, output):
    with open_images(path) as source, write_like(source, output) as writer:
        for index in reversed(range(len(source))):
            writer.write(index, 65535 - source[index])


@pytest.mark.parametrize("stored", [PIXELS, PIXELS.astype(">u2"), np.asfortranarray(PIXELS), PIXELS[..., None]])
def test_npy_keeps_type_byte_order_and_shape(tmp_path, stored):
    np.save(tmp_path / "a.npy", stored)
    refine(tmp_path / "a.npy", tmp_path / "b.npy")
    refined = np.load(tmp_path / "b.npy")
    assert refined.dtype.str == stored.dtype.str
    assert refined.shape == stored.shape
    np.testing.assert_array_equal(refined, 65535 - stored)
    np.save(tmp_path / "by_numpy.npy", np.ascontiguousarray(65535 - stored).astype(stored.dtype))
    assert (tmp_path / "b.npy").read_bytes() == (tmp_path / "by_numpy.npy").read_bytes()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_members_are_carried_over(tmp_path, save):
    save(tmp_path / "a.npz", look=np.arange(8.0).reshape(4, 2), image=PIXELS, objects=np.array([None, 1]), z=3)
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.writestr("notes.txt", "by hand")
    refine(tmp_path / "a.npz", tmp_path / "b.npz")
    with zipfile.ZipFile(tmp_path / "a.npz") as before, zipfile.ZipFile(tmp_path / "b.npz") as after:
        assert after.testzip() is None
        assert after.namelist() == before.namelist()
        for old, new in zip(before.infolist(), after.infolist(), strict=True):
            assert (new.compress_type, new.date_time) == (old.compress_type, old.date_time)
            if old.filename != "image.npy":
                assert after.read(new) == before.read(old)
    with np.load(tmp_path / "b.npz") as refined:
        np.testing.assert_array_equal(refined["image"], 65535 - PIXELS)
