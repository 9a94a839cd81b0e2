"""Data sets written with h5py, NumPy and Pillow alone, for tests of what reads and writes them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

# Formats that hold any type and any number of channels.
ARRAY_FORMATS = (
    "keyed.h5",
    "stacked.h5",
    "gzip.h5",
    "big-endian.h5",
    "images.npy",
    "fortran.npy",
    "a.npz",
    "deflated.npz",
)


def write_set(folder: Path, name: str, images: np.ndarray, gaze: np.ndarray) -> Path:
    """(N, H, W, C) `images` and (N, ...) `gaze` as `name` in `folder`. One channel: as without a channel axis."""
    path = folder / name
    plain = images[..., 0] if images.shape[-1] == 1 else images
    if name == "keyed.h5":
        with h5py.File(path, "w") as file:
            for index in range(len(plain)):
                file[f"image/k{index:03d}"] = plain[index]
                file[f"gaze/k{index:03d}"] = gaze[index]
    elif name.endswith(".h5"):
        options = {"chunks": True, "compression": "gzip"} if name == "gzip.h5" else {}
        with h5py.File(path, "w") as file:
            stored = plain.astype(plain.dtype.newbyteorder(">")) if name == "big-endian.h5" else plain
            file.create_dataset("images", data=stored, **options)
            file["gaze"] = gaze
    elif name.endswith(".npy"):
        np.save(path, np.asfortranarray(plain) if name == "fortran.npy" else plain)
    else:
        (np.savez if name == "a.npz" else np.savez_compressed)(path, gaze=gaze, image=plain)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("readme.txt", "by hand")
    return path


def write_folder(folder: Path, images: np.ndarray, extension: str = "png") -> Path:
    """(N, H, W, C) `images` as sub/000.png, ... in `folder`."""
    (folder / "sub").mkdir(parents=True)
    for index, image in enumerate(images):
        Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(folder / f"sub/{index:03d}.{extension}")
    return folder


@pytest.fixture(name="write_set", scope="session")
def _write_set() -> Callable[..., Path]:
    return write_set


@pytest.fixture(name="write_folder", scope="session")
def _write_folder() -> Callable[..., Path]:
    return write_folder


@pytest.fixture(params=ARRAY_FORMATS)
def array_format(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def images() -> np.ndarray:
    """(5, 6, 4, 3) uint8."""
    return np.random.default_rng(0).integers(0, 256, (5, 6, 4, 3), dtype=np.uint8)


@pytest.fixture
def gaze() -> np.ndarray:
    """(5, 3) float32."""
    return np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
