"""Small files in the form of the public digits."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest

COUNTS = (30, 10, 20)  # training, validation, test


@pytest.fixture
def mnist_file(tmp_path) -> Path:
    """mnist.pkl.gz: image i of each part is of the one grey level i."""
    path = tmp_path / "mnist.pkl.gz"
    parts = [
        (np.repeat(np.arange(count, dtype=np.float32)[:, None] / 256, 784, axis=1), np.arange(count) % 10)
        for count in COUNTS
    ]
    path.write_bytes(gzip.compress(pickle.dumps(tuple(parts), protocol=3)))
    return path


@pytest.fixture
def usps_file(tmp_path) -> Path:
    """usps.h5: 24 and 12 images, white in the right half."""
    path = tmp_path / "usps.h5"
    image = np.zeros((16, 16), np.float32)
    image[:, 8:] = 1
    with h5py.File(path, "w") as file:
        for group, count in (("train", 24), ("test", 12)):
            file[f"{group}/data"] = np.tile(image.reshape(1, 256), (count, 1))
            file[f"{group}/target"] = (np.arange(count) % 10).astype(np.int32)
    return path
