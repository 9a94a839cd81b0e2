"""Text of varying length that HDF5 would read forever."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from simgan.errors import DataError
from simgan.images import hdf5_trial, inspect_images, open_images

WORDS = ["ab", "cd", "ef", "caf\u00e9"]


@pytest.fixture(params=["stack", "keyed"])
def path(request, tmp_path):
    """Four images with words of varying length, in a group of their own."""
    with h5py.File(tmp_path / "set.h5", "w") as file:
        if request.param == "stack":
            file["in/image"] = np.zeros((4, 4, 4), np.uint8)
            file.create_dataset("in/word", data=WORDS, dtype=h5py.string_dtype())
        else:
            for index, word in enumerate(WORDS):
                file[f"in/image/{index}"] = np.zeros((4, 4), np.uint8)
                file.create_dataset(f"in/word/{index}", data=word, dtype=h5py.string_dtype())
    return tmp_path / "set.h5"


def spoil(path):
    """The first text in the heap of the file has size 0: the next begins where it does, and so on."""
    content = bytearray(path.read_bytes())
    place = content.index(b"GCOL") + 18
    content[place : place + 8] = bytes(8)
    path.write_bytes(content)


def test_sound_text_is_read(path):
    with open_images(path, key="in/image") as source:
        assert source.labels("word").tolist() == WORDS
        assert source.labels("word").tolist() == WORDS


def test_text_that_hdf5_would_read_forever_is_refused(path, monkeypatch, message):
    spoil(path)
    monkeypatch.setattr(hdf5_trial, "SECONDS", 2.0)
    with open_images(path, key="in/image") as source:
        assert source[0].shape == (4, 4, 1)
        with pytest.raises(DataError) as caught:
            source.labels("word")
    assert "forever" in message(caught.value)
    report = inspect_images(path, key="in/image")
    assert report.problem_count == 1
    assert "word" in report.problems[0]


def test_code_that_lies_in_the_current_folder_is_not_run(path, tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("open('was_run', 'w')")
    monkeypatch.chdir(tmp_path)
    with open_images(path, key="in/image") as source:
        assert source.labels("word").tolist() == WORDS
    assert not (tmp_path / "was_run").exists()


def test_numbers_and_text_of_fixed_length_need_no_other_process(tmp_path, monkeypatch):
    monkeypatch.setattr("subprocess.run", None)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"] = np.zeros((2, 4, 4), np.uint8)
        file["word"] = np.array([b"ab", b"cd"])
    with open_images(tmp_path / "a.h5") as source:
        assert source.labels("word").tolist() == [b"ab", b"cd"]
