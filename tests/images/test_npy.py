from __future__ import annotations

import numpy as np
import pytest

from simgan.errors import DataError
from simgan.images import open_images

PIXELS = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)


@pytest.mark.parametrize(
    ("array", "word"),
    [
        (PIXELS[0], "(3, 2)"),
        (PIXELS[:0], "(0, 3, 2)"),
        (PIXELS[None, None], "(1, 1, 4, 3, 2)"),
        (PIXELS > 0, "bool"),
        (PIXELS + 0j, "complex"),
        (PIXELS.astype("i8"), "int64"),
        (np.full((2, 2, 2), None), "object"),
        (np.zeros((2, 2, 2), "u1,u1"), "('f0', 'u1')"),
    ],
)
@pytest.mark.parametrize("save", [np.save, np.savez, np.savez_compressed])
def test_arrays_that_hold_no_images(tmp_path, save, array, word, message):
    path = tmp_path / ("a.npy" if save is np.save else "a.npz")
    save(path, array) if save is np.save else save(path, image=array)
    with pytest.raises(DataError) as caught:
        open_images(path)
    assert "a.np" in message(caught.value)
    assert word in str(caught.value)


def test_nothing_is_held_in_memory(tmp_path):
    np.save(tmp_path / "a.npy", PIXELS)
    np.savez(tmp_path / "b.npz", image=PIXELS)
    np.savez_compressed(tmp_path / "c.npz", image=PIXELS)
    for name in ("a.npy", "b.npz", "c.npz"):
        with open_images(tmp_path / name) as source:
            assert isinstance(source._array, np.memmap)
            image = source[0]
            image[:] = 9
            np.testing.assert_array_equal(source[0][..., 0], PIXELS[0])


def test_a_closed_source(tmp_path, message):
    np.save(tmp_path / "a.npy", PIXELS)
    source = open_images(tmp_path / "a.npy")
    source.close()
    source.close()
    with pytest.raises(DataError) as caught:
        source[0]
    assert "closed" in message(caught.value)


def test_an_unknown_version(tmp_path, message):
    np.save(tmp_path / "a.npy", PIXELS)
    content = bytearray((tmp_path / "a.npy").read_bytes())
    content[6] = 9
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(DataError) as caught:
        open_images(tmp_path / "a.npy")
    assert "(9, 0)" in message(caught.value)
