"""Rows of lashes, drawn once in each process. Their coordinates are the position along the opening of the eye and the
distance from a lid margin."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simgan.eyes.labels import Floats

Doubles = NDArray[np.float64]

ROWS_OF_LASHES = 8
REACH_INSIDE = 3.0
"""Largest distance from a margin inside the opening of the eye, mm."""
REACH_OUTSIDE = 14.0
"""Largest distance from a margin on the skin, mm."""
SPAN = REACH_INSIDE + REACH_OUTSIDE
OVERHANG = 0.12
"""Lashes may leave the opening sideways by this share of its length."""
THICKNESS = 0.11
"""Thickness of a lash at its root, mm."""


@lru_cache(maxsize=8)
def lash_atlas(per_mm: int, footprint: int) -> Floats:
    """The share of every texel that lashes cover, float32 (8, 2 * 17 * per_mm, 37 * per_mm) in [0, 1].

    The first half of the second axis is the lower lid and goes from 14 mm outside its margin to 3 mm inside; the
    second half is the upper lid and goes from 3 mm inside to 14 mm outside. The last axis runs over the opening
    and its overhang. A pixel is `footprint` texels wide; texels are averaged over windows of this size.
    """
    rng = np.random.default_rng(4212)
    half, columns = round(SPAN * per_mm), 37 * per_mm
    atlas: Doubles = np.zeros((ROWS_OF_LASHES, 2 * half, columns))
    for row in atlas:
        upper, lower = np.zeros((half, columns)), np.zeros((half, columns))
        _add_lashes(upper, rng, int(rng.integers(45, 90)), rng.uniform(3.2, 5.5), per_mm)
        _add_lashes(lower, rng, int(rng.integers(20, 40)), rng.uniform(1.2, 2.4), per_mm)
        row[half:], row[:half] = upper, lower[::-1]
    atlas = np.minimum(atlas, 1.0)
    for axis in (1, 2):
        atlas = _average(atlas, footprint, axis)
    return np.ascontiguousarray(np.maximum(atlas, 0.0), np.float32)  # differences of sums may leave -1e-16


def _average(atlas: Doubles, length: int, axis: int) -> Doubles:
    """Running mean of `length` texels along an axis; texels outside the atlas count as 0."""
    padding = [(0, 0)] * atlas.ndim
    padding[axis] = (length // 2 + 1, length - 1 - length // 2)
    sums = np.moveaxis(np.pad(atlas, padding).cumsum(axis=axis), axis, 0)
    return np.moveaxis((sums[length:] - sums[:-length]) / length, 0, axis)


def _add_lashes(canvas: Doubles, rng: np.random.Generator, count: int, length: float, per_mm: int) -> None:
    """Adds `count` lashes to a canvas whose first axis leads from 3 mm inside the opening outwards."""
    texels_long = canvas.shape[1] / (1.0 + 2.0 * OVERHANG)
    t = np.linspace(0.0, 1.0, 12 * per_mm)
    for _ in range(count):
        root = rng.beta(1.3, 1.0)  # denser towards the temple
        reach = length * rng.uniform(0.6, 1.15) * (0.55 + 0.45 * np.sin(np.pi * (0.12 + 0.8 * root)))
        lean = (root - 0.42) * rng.uniform(0.8, 1.5) + rng.normal(0.0, 0.15)
        dip = rng.uniform(0.0, 0.5)
        away = reach * (t**1.3) - dip * np.sin(np.pi * np.minimum(2.5 * t, 1.0))
        aside = reach * lean * t * (0.4 + 0.6 * t)
        x = (root + OVERHANG) * texels_long + aside * per_mm - 0.5
        y = (REACH_INSIDE + away) * per_mm - 0.5
        weight = THICKNESS * (1.0 - 0.7 * t) * (reach / len(t)) * per_mm**2
        _splat(canvas, x, y, weight)


def _splat(canvas: Doubles, x: Doubles, y: Doubles, weight: Doubles) -> None:
    """Adds weights at points between texels, shared among their four neighbours."""
    x = np.clip(x, 0.0, canvas.shape[1] - 1.001)
    y = np.clip(y, 0.0, canvas.shape[0] - 1.001)
    column, row = x.astype(int), y.astype(int)
    right, down = x - column, y - row
    np.add.at(canvas, (row, column), weight * (1 - right) * (1 - down))
    np.add.at(canvas, (row, column + 1), weight * right * (1 - down))
    np.add.at(canvas, (row + 1, column), weight * (1 - right) * down)
    np.add.at(canvas, (row + 1, column + 1), weight * right * down)
