"""A localiser of labelled points that reads synthetic and refined images alike.

It learns from synthetic images only, made to look other than they are: tone, contrast, light, blur and noise change at
random while the point stays in its place, and the whole image shifts along with its point. So what it reads in a
refined image follows the content, not the look.

How far it is still misled by looks alone: benchmarks/drift_floor.py, where the very same eyes are shown by a camera.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from simgan.evaluation.estimator import Estimator, train_estimator

# Ours: chosen on paired renderings, docs/experiments.md, section 10.
_BLUR, _SHARP = 0.025, 0.2  # the widest, as a share of the width; px below which nothing is blurred
_PIECES = 6  # of a tone curve
_SHADOW, _GRID = 0.35, 4  # deviation of the logarithm of the light, and the points a side between which it changes


def train_localiser(
    synthetic: NDArray[np.float32],
    points: NDArray[Any],
    *,
    steps: int = 1200,
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Estimator:
    """Trains the localiser.

    Args:
        synthetic: (N, H, W, C) in [-1, 1].
        points: (N, P, 2), px.

    Returns:
        An estimator of the points, (N, 2P), px.
    """
    flat = points.reshape(len(points), -1)
    return train_estimator(synthetic, flat, steps=steps, seed=seed, augment=_augment, on_progress=on_progress)


def _augment(
    images: NDArray[np.float32], points: NDArray[np.float32], random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    shifted, points = shift(images, points, random)
    return change_appearance(shifted, random), points


def shift(
    images: NDArray[np.float32], points: NDArray[np.float32], random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Moves each image (B, H, W, C) by whole pixels, up to a twelfth of its side, and its points (B, 2P) with it.

    Border pixels fill what comes in.
    """
    count, height, width = images.shape[:3]
    dx, dy = (random.integers(-(side // 12), side // 12, count, endpoint=True) for side in (width, height))
    rows = np.clip(np.arange(height) - dy[:, None], 0, height - 1)  # (B, H)
    columns = np.clip(np.arange(width) - dx[:, None], 0, width - 1)  # (B, W)
    moved = images[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return moved, (points + np.tile(np.stack([dx, dy], axis=1), points.shape[1] // 2)).astype(np.float32)


def change_appearance(images: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """Another look for each image (B, H, W, C) in [-1, 1]: nothing moves.

    Blur, a random monotone tone curve, soft shadows, a gain and an offset that vary across the image, and noise.
    """
    count, height, width = images.shape[:3]

    def draw(low: float, high: float) -> NDArray[np.float32]:
        return random.uniform(low, high, (count, 1, 1, 1)).astype(np.float32)

    changed: NDArray[Any] = _tone_curves((_blurred(images, random) + 1) / 2, random) ** np.exp(draw(-0.9, 0.9))
    changed = changed * np.exp(draw(0, _SHADOW) * _soft_fields(count, height, width, random))
    y, x = np.linspace(-1, 1, height)[:, None, None], np.linspace(-1, 1, width)[None, :, None]
    light = 1 + draw(-0.4, 0.4) * x + draw(-0.4, 0.4) * y
    changed = (changed - 0.5) * draw(0.4, 1.3) * light + 0.5 + draw(-0.2, 0.2) + draw(-0.15, 0.15) * x
    changed = changed + random.normal(0, 1, images.shape) * draw(0, 0.08)
    return np.clip(changed * 2 - 1, -1, 1).astype(np.float32)


def _blurred(images: NDArray[Any], random: np.random.Generator) -> NDArray[Any]:
    """Each image (B, H, W, C) blurred by a strength of its own."""
    sigmas = random.uniform(0, _BLUR * images.shape[2], len(images))
    blurred = np.empty_like(images)
    for row, image, sigma in zip(blurred, images, sigmas, strict=True):
        row[:] = gaussian_filter(image, (sigma, sigma, 0), mode="nearest") if sigma > _SHARP else image
    return blurred


def _tone_curves(images: NDArray[Any], random: np.random.Generator) -> NDArray[Any]:
    """(B, H, W, C) in [0, 1], each through a curve of its own that rises from 0 to 1 by straight pieces."""
    rises = random.exponential(1, (len(images), _PIECES)) + 0.05
    knots = np.concatenate([np.zeros((len(images), 1)), np.cumsum(rises, axis=1)], axis=1)
    knots /= knots[:, -1:]
    changed = np.empty_like(images)
    for row, image, y in zip(changed, images, knots, strict=True):
        row[:] = np.interp(image, np.linspace(0, 1, _PIECES + 1), y)
    return changed


def _soft_fields(count: int, height: int, width: int, random: np.random.Generator) -> NDArray[Any]:
    """(B, H, W, 1): normal numbers on a coarse grid, interpolated."""
    grid = random.normal(0, 1, (count, _GRID, _GRID)).astype(np.float32)
    fields: NDArray[Any] = _interpolation(height) @ grid @ _interpolation(width).T
    return fields[..., None]


def _interpolation(size: int) -> NDArray[Any]:
    """(size, _GRID): the weights that spread a coarse grid linearly over `size` pixels."""
    positions = np.linspace(0, _GRID - 1, size)
    distances = np.abs(positions[:, None] - np.arange(_GRID))
    return np.asarray(np.maximum(0, 1 - distances), np.float32)
