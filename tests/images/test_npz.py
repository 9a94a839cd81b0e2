from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from simgan.errors import DataError
from simgan.images import npz, open_images

PIXELS = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)


@pytest.mark.parametrize(
    ("arrays", "key", "words"),
    [
        ({"image": PIXELS, "images": PIXELS}, None, ["2 that could be", "'image'", "'images'"]),
        ({"a": PIXELS, "b": PIXELS, "c": [1]}, None, ["2 that could be", "'a'", "'b'"]),
        ({"a": [1]}, None, ["none among", "'a'"]),
        ({"image": PIXELS}, "x", ["'x'", "none among", "'image'"]),
    ],
)
def test_npz_without_one_image_array(tmp_path, arrays, key, words, message):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError) as caught:
        open_images(tmp_path / "a.npz", key=key)
    assert all(word in message(caught.value) for word in ["key=", *words])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_labels(tmp_path, save):
    save(tmp_path / "a.npz", eyes=PIXELS, depth=PIXELS * 2, words=np.array(list("abcd")), short=[1, 2], one=5)
    with open_images(tmp_path / "a.npz", key="eyes") as source:
        assert source.kind == "NumPy archive"
        assert source.label_names == ("depth", "words")
        np.testing.assert_array_equal(source.labels("depth"), PIXELS * 2)
        assert source.labels("words").tolist() == ["a", "b", "c", "d"]


def test_objects_are_never_unpickled(tmp_path, message):
    np.savez(tmp_path / "a.npz", image=PIXELS, look=np.full(4, None))
    with open_images(tmp_path / "a.npz") as source, pytest.raises(DataError) as caught:
        source.labels("look")
    assert "'look'" in message(caught.value)


def test_no_room_to_unpack(tmp_path, monkeypatch, message):
    np.savez_compressed(tmp_path / "a.npz", image=PIXELS)
    usage = type("Usage", (), {"free": 23})
    monkeypatch.setattr(npz.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(DataError) as caught:
        open_images(tmp_path / "a.npz")
    assert "24 bytes" in message(caught.value)
    assert "TMPDIR" in str(caught.value)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("cut", [-3, 3])
def test_a_member_of_another_length_than_its_header_says(tmp_path, compression, cut, message):
    buffer = io.BytesIO()
    np.save(buffer, PIXELS)
    content = buffer.getvalue()[:cut] if cut < 0 else buffer.getvalue() + b"abc"
    with zipfile.ZipFile(tmp_path / "a.npz", "w", compression) as archive:
        archive.writestr("image.npy", content)
    with pytest.raises(DataError) as caught:
        open_images(tmp_path / "a.npz")
    assert "bytes" in message(caught.value)


def test_a_flipped_bit_in_a_compressed_member(tmp_path, message):
    values = np.random.default_rng(0).integers(0, 256, (4, 30, 20), dtype=np.uint8)
    np.savez_compressed(tmp_path / "a.npz", image=values)
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[len(content) // 2] ^= 0x10
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError) as caught:
        open_images(tmp_path / "a.npz")
    assert "a.npz" in message(caught.value)
