"""Small data sets of ellipses as stand-ins for digits: photographs show them larger, lower and slanted."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from simgan.framing.quantiles import FramingMap, fit_map
from simgan.images import PixelRange

COUNT, SIDE = 60, 16


def shapes(seed: int, *, larger: float = 1.0, down: float = 0.0, slant: float = 0.0, count: int = COUNT) -> np.ndarray:
    """Filled ellipses with random axes and places: (N, 16, 16) uint8, black on white."""
    random = np.random.default_rng(seed)
    y, x = np.indices((SIDE, SIDE)) + 0.5
    images = []
    for _ in range(count):
        centre = np.add(random.uniform((7, 7.5), (8, 8.5)), (down, 0))
        axes = random.uniform((2.5, 2), (3.5, 3)) * larger
        dy, dx = y - centre[0], x - centre[1]
        distance = np.hypot(dy / axes[0], (dx - slant * dy) / axes[1])
        images.append(np.clip(255 * (distance - 0.8) / 0.4, 0, 255))
    return np.rint(images).astype(np.uint8)


def photographs(seed: int = 2) -> np.ndarray:
    """Ellipses framed otherwise than those of `shapes`, which are grey."""
    return 255 - shapes(seed, larger=1.6, down=1, slant=0.3) // 2


def map_of(synthetic: np.ndarray, real: np.ndarray) -> FramingMap:
    """The framing map from one set of 8 bits to another."""
    fit = fit_map(*(PixelRange(0, 255).to_model(images[..., None]) for images in (synthetic, real)))
    assert fit.map is not None, fit
    return fit.map


def write_sets(folder: Path, **labels: np.ndarray) -> tuple[Path, Path]:
    """Writes synthetic.h5 with labels, by default a digit, and real.h5."""
    synthetic, real = folder / "synthetic.h5", folder / "real.h5"
    with h5py.File(synthetic, "w") as file:
        file["image"] = shapes(1)
        for name, values in (labels or {"digit": np.arange(COUNT) % 3}).items():
            file[name] = values
    with h5py.File(real, "w") as file:
        file["image"] = photographs()
    return synthetic, real
