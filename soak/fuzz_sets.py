"""Small valid data sets of every kind, to be damaged by soak.fuzz."""

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from soak.fuzz_label_sets import LABELLED

_DRAW = np.random.default_rng(0)
PIXELS = _DRAW.integers(0, 256, (5, 9, 8), np.uint8)
COLOUR = _DRAW.integers(0, 256, (5, 9, 8, 3), np.uint8)
DEEP = _DRAW.integers(0, 4096, (5, 9, 8)).astype(np.uint16)
FLOATS = _DRAW.random((5, 9, 8), np.float32)
GAZE = _DRAW.normal(size=(5, 2))
WORDS = np.array(["left", "right", "up", "dürr", ""])


def _folder(where: Path, pictures: list[Image.Image], suffix: str, **options: object) -> Path:
    path = where / "set"
    (path / "sub").mkdir(parents=True)
    for index, picture in enumerate(pictures):
        picture.save(path / f"{'sub/' if index % 2 else ''}{index}.{suffix}", **options)
    return path


def _pictures(mode: str) -> list[Image.Image]:
    return [Image.fromarray(pixels).convert(mode) for pixels in COLOUR]


def _keyed(where: Path, libver: str) -> Path:
    with h5py.File(where / "set.h5", "w", libver=libver) as file:
        for index, pixels in enumerate(PIXELS):
            file[f"image/k{index}"] = pixels
            file[f"gaze/k{index}"] = GAZE[index]
            file[f"word/k{index}"] = str(WORDS[index])
    return where / "set.h5"


def _stacked(where: Path, images: np.ndarray, libver: str | None = None, **options: object) -> Path:
    with h5py.File(where / "set.h5", "w", libver=libver) as file:
        file.create_dataset("images", data=images, **options)
        file["gaze"] = GAZE
        file["word"] = WORDS.astype(object)
        file["short"] = GAZE[:2]
    return where / "set.h5"


def _root(where: Path) -> Path:
    with h5py.File(where / "set.h5", "w") as file:
        for index, pixels in enumerate(PIXELS):
            file[f"k{index}"] = pixels
            file[f"gaze/k{index}"] = GAZE[index]
        file["short"] = GAZE[:2]
    return where / "set.h5"


def _persons(where: Path, kinds: Sequence[str]) -> Path:
    """Two images for each person, in a group, in an array, or each in a group of its own."""
    with h5py.File(where / "set.h5", "w") as file:
        for person, kind in enumerate(kinds):
            images, gaze, words = PIXELS[:2], GAZE[:2], WORDS[:2].astype(object)
            if kind == "stacked":
                file[f"p{person}/image"], file[f"p{person}/gaze"], file[f"p{person}/word"] = images, gaze, words
                continue
            for index in range(2):
                name = "p{0}/{2}/k{1}" if kind == "keyed" else "p{0}k{1}/{2}"
                for what, values in (("image", images), ("gaze", gaze), ("word", words)):
                    file[name.format(person, index, what)] = values[index]
    return where / "set.h5"


def _npy(where: Path, images: np.ndarray) -> Path:
    np.save(where / "set.npy", images)
    return where / "set.npy"


def _npz(where: Path, save: Callable[..., None], images: np.ndarray) -> Path:
    save(where / "set.npz", gaze=GAZE, image=images, word=WORDS)
    with zipfile.ZipFile(where / "set.npz", "a") as archive:
        archive.writestr("readme.txt", "by hand")
    return where / "set.npz"


_GZIP = {"chunks": (2, 9, 8), "compression": "gzip", "shuffle": True}
SETS: dict[str, Callable[[Path], Path]] = {
    "grey png": lambda where: _folder(where, _pictures("L"), "png"),
    "png with alpha": lambda where: _folder(where, _pictures("RGBA"), "png"),
    "palette png": lambda where: _folder(where, _pictures("P"), "png"),
    "16-bit png": lambda where: _folder(where, [Image.fromarray(pixels) for pixels in DEEP], "png"),
    "jpeg": lambda where: _folder(where, _pictures("RGB"), "jpg"),
    "grey jpeg": lambda where: _folder(where, _pictures("L"), "jpeg"),
    "tiff": lambda where: _folder(where, _pictures("RGB"), "tif"),
    "lzw tiff": lambda where: _folder(where, _pictures("L"), "tiff", compression="tiff_lzw"),
    "float tiff": lambda where: _folder(where, [Image.fromarray(pixels) for pixels in FLOATS], "tif"),
    "bmp": lambda where: _folder(where, _pictures("RGB"), "bmp"),
    "grey bmp": lambda where: _folder(where, _pictures("L"), "bmp"),
    "keyed hdf5": lambda where: _keyed(where, "earliest"),
    "new keyed hdf5": lambda where: _keyed(where, "latest"),
    "stacked hdf5": lambda where: _stacked(where, PIXELS),
    "chunked hdf5": lambda where: _stacked(where, COLOUR, chunks=(2, 9, 4, 3)),
    "gzip hdf5": lambda where: _stacked(where, DEEP, **_GZIP),
    "new gzip hdf5": lambda where: _stacked(where, FLOATS, "latest", **_GZIP, fletcher32=True),
    "root hdf5": _root,
    "persons hdf5": lambda where: _persons(where, ["keyed", "keyed", "keyed"]),
    "persons of both kinds hdf5": lambda where: _persons(where, ["stacked", "keyed", "stacked"]),
    "group per image hdf5": lambda where: _persons(where, ["alone", "alone"]),
    "npy": lambda where: _npy(where, PIXELS),
    "fortran npy": lambda where: _npy(where, np.asfortranarray(FLOATS)),
    "npz": lambda where: _npz(where, np.savez, COLOUR),
    "deflated npz": lambda where: _npz(where, np.savez_compressed, FLOATS),
    **LABELLED,
}

# To open them with.
KEYS = dict.fromkeys(("persons hdf5", "persons of both kinds hdf5", "group per image hdf5"), "*/image")


def files_of(path: Path) -> list[Path]:
    """The files of a data set, in one order on every machine."""
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
