"""Textures that are drawn once in each process and looked up at random places: noise tiles and irises."""

from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from simgan.eyes.labels import Floats

Indices = np.ndarray[tuple[int, ...], np.dtype[np.intp]]

TILE_MARGIN = 192
"""A noise tile is this many px higher and wider than the image: windows can be cut at 37,249 places."""
IRISES = 16
IRIS_SPAN = 1.12
"""An iris texture covers plus and minus this many iris radii."""


@lru_cache(maxsize=16)
def noise_tile(height: int, width: int, falloff: float, stretch: float = 1.0) -> Floats:
    """Noise of mean 0 and variance 1 with an amplitude spectrum of frequency^-falloff, for cutting H x W windows.

    Args:
        falloff: 0 is white; 1 is skin; 2 and more are soft clouds.
        stretch: how many times longer grains are horizontally than vertically; over 1 looks like wrinkles.

    Returns:
        float32 (H + 192, W + 192).
    """
    shape = (height + TILE_MARGIN, width + TILE_MARGIN)
    white = np.random.default_rng(20170418).standard_normal(shape)
    down = np.fft.fftfreq(shape[0])[:, None]
    across = np.fft.rfftfreq(shape[1])[None, :] * stretch
    lowest = 1.0 / max(height, width)  # waves longer than an image would only shift its brightness
    spectrum = np.fft.rfft2(white) * (np.hypot(down, across) + lowest) ** -falloff
    spectrum[0, 0] = 0.0
    tile = np.fft.irfft2(spectrum, shape)
    unit: Floats = (tile / tile.std()).astype(np.float32)
    return unit


def cut(tile: Floats, height: int, width: int, places: Floats) -> Floats:
    """Windows (N, H, W) of a noise tile at places (N, 2) in [0, 1)."""
    corner = (places * TILE_MARGIN).astype(np.intp)
    windows: Floats = sliding_window_view(tile, (height, width))[corner[:, 0], corner[:, 1]]
    return windows


@lru_cache(maxsize=8)
def iris_atlas(side: int) -> Floats:
    """Fibres of 16 irises, mean 0 and deviation about 1, float32 (16, side, side).

    Fibres are waves around the iris whose phase wanders with the radius; none is finer than two texels, so small
    renderings do not alias.
    """
    rng = np.random.default_rng(20121)
    axis = (np.arange(side) + 0.5) / side * 2.0 * IRIS_SPAN - IRIS_SPAN
    radius = np.hypot(axis[:, None], axis).astype(np.float32)
    angle = np.arctan2(axis[:, None], axis).astype(np.float32)
    finest = min(64, side // 3)
    waves = np.unique(np.geomspace(2, finest, 14).astype(int))
    atlas = np.zeros((IRISES, side, side), np.float32)
    for iris in atlas:
        for wave in waves:
            phase = rng.uniform(0.0, 2.0 * np.pi) + rng.normal(0.0, 3.0) * radius
            strength = np.cos(np.pi * rng.uniform(0.3, 1.5) * (radius - rng.uniform(0.0, 1.0)))
            iris += rng.normal() * strength * np.cos(wave * angle + phase)
        iris /= iris[radius < 1.0].std()
    return atlas


def texture_side(px_per_mm: float, span: float) -> int:
    """Texels, a power of two of 16 to 512, that cover `span` mm with at least 1.5 texels for each pixel."""
    wanted = 1.5 * px_per_mm * span
    return int(2 ** np.clip(np.ceil(np.log2(max(wanted, 1.0))), 4, 9))
