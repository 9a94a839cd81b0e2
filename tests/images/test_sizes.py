from __future__ import annotations

import h5py
import numpy as np
import pytest
from PIL import Image

from simgan.errors import DataError
from simgan.images import open_images, require_one_size
from simgan.images import sizes as module


def test_one_size(write_set, tmp_path, array_format, images, gaze):
    with open_images(write_set(tmp_path, array_format, images, gaze)) as source:
        assert require_one_size(source) == (6, 4)


def test_several_sizes_most_frequent_first(tmp_path, message):
    sizes = [(3, 2), (4, 4), (4, 4), (5, 5), (6, 6), (7, 7), (8, 8)]  # width, height
    for index, size in enumerate(sizes):
        Image.new("L", size).save(tmp_path / f"{index}.png")
    with open_images(tmp_path) as source, pytest.raises(DataError) as caught:
        require_one_size(source)
    assert "6 sizes: 4x4 (2), 2x3 (1), 5x5 (1), 6x6 (1), 7x7 (1), ...;" in message(caught.value)
    assert "--size HxW" in str(caught.value)


def test_a_size_that_the_sample_missed_is_an_error_on_reading(tmp_path, monkeypatch, message):
    monkeypatch.setattr(module, "SIZE_SAMPLE", 3)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for index in range(9):
            file[f"image/{index}"] = np.zeros((2, 3) if index != 1 else (5, 5), np.uint8)
    with open_images(tmp_path / "a.h5") as source:
        assert require_one_size(source) == (2, 3)
        assert source[0].shape == (2, 3, 1)
        with pytest.raises(DataError) as caught:
            source[1]
    assert "5x5" in message(caught.value)
