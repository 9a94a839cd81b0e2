"""A localiser of labelled points that reads synthetic and refined images alike.

It learns from synthetic images only, made to look other than they are: tone, contrast, light, blur and noise change at
random while the point stays in its place, and the whole image shifts along with its point. So what it reads in a
refined image follows the content, not the look.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from simgan.evaluation.estimator import Estimator, train_estimator


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

    A random monotone tone curve, a gain and an offset that vary across the image, blur, and noise.
    """
    count, height, width = images.shape[:3]

    def draw(low: float, high: float) -> NDArray[np.float32]:
        return random.uniform(low, high, (count, 1, 1, 1)).astype(np.float32)

    changed = ((images + 1) / 2) ** np.exp(draw(-0.9, 0.9))
    y, x = np.linspace(-1, 1, height)[:, None, None], np.linspace(-1, 1, width)[None, :, None]
    light = 1 + draw(-0.4, 0.4) * x + draw(-0.4, 0.4) * y
    changed = (changed - 0.5) * draw(0.4, 1.3) * light + 0.5 + draw(-0.2, 0.2) + draw(-0.15, 0.15) * x
    sigma = random.uniform(0, 0.02) * width if random.random() < 0.5 else 0.0
    if sigma > 0:
        changed = gaussian_filter(changed, (0, sigma, sigma, 0), mode="nearest")
    changed = changed + random.normal(0, 1, images.shape) * draw(0, 0.08)
    return np.clip(changed * 2 - 1, -1, 1).astype(np.float32)
