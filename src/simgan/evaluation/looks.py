"""Other looks and other places for labelled images, so that a localiser learns to follow content and not looks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Images = NDArray[np.float32]

# Ours: chosen on paired renderings, docs/experiments.md, section 10.
_BLUR, _SHARP = 0.03, 0.2  # the widest, as a share of the width; px below which nothing is blurred
_PIECES = 6  # of a tone curve
_LIGHT, _GRID = 0.4, 4  # deviation of the logarithm of the light, and the points a side between which it changes
_TEXTURES = ((5, 0.15), (2, 0.08))  # px from point to point, and deviation of the logarithm
_SHADOWS, _SHADE = 2, 1.6  # straight shadows, and the logarithm of the darkest
_BLOBS = 2  # glints and dark spots
_NOISE = 0.05
_ZOOM = 0.1  # logarithm


class _Draws:
    """One number an image, (B, 1, 1, 1)."""

    def __init__(self, random: np.random.Generator, count: int) -> None:
        self._random = random
        self._shape = (count, 1, 1, 1)

    def __call__(self, low: float, high: float) -> Images:
        return self._random.uniform(low, high, self._shape).astype(np.float32)

    def on(self, share: float) -> Images:
        """1 for a `share` of the images, 0 for the others."""
        return (self(0, 1) < share).astype(np.float32)


def move(images: Images, points: Images, random: np.random.Generator) -> tuple[Images, Images]:
    """Shifts each image (B, H, W, C) by up to a twelfth of its side and zooms it about its middle by up to a tenth.

    Its points (B, 2P) in px go with it. Linear interpolation; border pixels fill what comes in.
    """
    count = len(images)
    scale = np.exp(random.uniform(-_ZOOM, _ZOOM, (count, 1)))
    moved, xy = images, points.reshape(count, -1, 2).astype(np.float64)
    for axis, of_point in ((1, 1), (2, 0)):
        side = images.shape[axis]
        middle, by = (side - 1) / 2, random.uniform(-side / 12, side / 12, (count, 1))
        moved = _sampled(moved, (np.arange(side) - middle - by) / scale + middle, axis)
        xy[..., of_point] = (xy[..., of_point] - middle) * scale + middle + by
    return moved, xy.reshape(points.shape).astype(np.float32)


def _sampled(images: Images, where: NDArray[np.float64], axis: int) -> Images:
    """Each image (B, H, W, C) at the places `where` (B, side) of its rows (axis 1) or columns (axis 2)."""
    side = images.shape[axis]
    shape = [len(images), 1, 1, 1]
    shape[axis] = side
    where = np.clip(where, 0, side - 1).reshape(shape)
    first = np.minimum(where.astype(np.intp), max(0, side - 2))
    share = (where - first).astype(np.float32)
    second = np.minimum(first + 1, side - 1)
    one, other = (np.take_along_axis(images, index, axis) for index in (first, second))
    return np.asarray(one * (1 - share) + other * share, np.float32)


def change_appearance(images: Images, random: np.random.Generator) -> Images:
    """Another look for each image (B, H, W, C) in [-1, 1]: nothing moves.

    Blur, a random monotone tone curve, uneven light, texture, shadows with a soft edge, glints and dark spots, another
    brightness and contrast, and noise.
    """
    draw = _Draws(random, len(images))
    changed: NDArray[Any] = _tone_curves((_blurred(images, random) + 1) / 2, random) ** np.exp(draw(-0.9, 0.9))
    changed = _spotted(changed * np.exp(_light(images.shape, draw, random)), draw)
    changed = changed - changed.mean(axis=(1, 2, 3), keepdims=True)
    changed = changed / (changed.std(axis=(1, 2, 3), keepdims=True) + 0.02)
    changed = changed * draw(0.07, 0.3) + draw(0.3, 0.7)
    changed = changed + random.standard_normal(images.shape, dtype=np.float32) * draw(0, 1) ** 2 * _NOISE
    return np.asarray(np.clip(changed * 2 - 1, -1, 1), np.float32)


def _light(shape: tuple[int, ...], draw: _Draws, random: np.random.Generator) -> NDArray[Any]:
    """The logarithm of the light on images (B, H, W, C): (B, H, W, 1)."""
    _, _, width, _ = shape
    y, x = _coordinates(shape)
    light: NDArray[Any] = draw(-0.4, 0.4) * x + draw(-0.4, 0.4) * y + draw(0, _LIGHT) * _fields(shape, _GRID, random)
    for spacing, deviation in _TEXTURES:
        light = light + draw.on(0.5) * draw(0, deviation) * _fields(shape, max(2, width // spacing), random)
    for _ in range(_SHADOWS):
        angle = draw(0, 2 * np.pi)
        beyond = (np.cos(angle) * x + np.sin(angle) * y - draw(-0.8, 0.8)) / draw(0.1, 0.8)
        light = light - draw.on(0.6) * draw(0, _SHADE) * (0.5 + 0.5 * np.tanh(beyond / 2))
    return light


def _spotted(images: NDArray[Any], draw: _Draws) -> NDArray[Any]:
    """Round spots, bright or dark, on images (B, H, W, C) in [0, 1]."""
    y, x = _coordinates(images.shape)
    y_share = images.shape[1] / images.shape[2]
    for _ in range(_BLOBS):
        distance = (x - draw(-1, 1)) ** 2 + ((y - draw(-1, 1)) * y_share) ** 2
        spot = draw.on(0.4) * np.exp(-distance / (2 * draw(0.02, 0.1) ** 2))
        images = images + spot * (draw(-0.1, 1) - images / 2)
    return images


def _coordinates(shape: tuple[int, ...]) -> tuple[Images, Images]:
    """y (1, H, 1, 1) and x (1, 1, W, 1) from -1 to 1."""
    y, x = (np.linspace(-1, 1, side, dtype=np.float32) for side in shape[1:3])
    return y[None, :, None, None], x[None, None, :, None]


def _blurred(images: Images, random: np.random.Generator) -> Images:
    """Each image (B, H, W, C) blurred by a strength of its own."""
    sigmas = random.uniform(0, _BLUR * images.shape[2], len(images))
    blurred = np.empty_like(images)
    for row, image, sigma in zip(blurred, images, sigmas, strict=True):
        row[:] = gaussian_filter(image, (sigma, sigma, 0), mode="nearest") if sigma > _SHARP else image
    return blurred


def _tone_curves(images: NDArray[Any], random: np.random.Generator) -> NDArray[Any]:
    """(B, H, W, C) in [0, 1], each through a curve of its own that rises from 0 to 1 by straight pieces.

    Some pieces are all but flat: pupil and iris, or eye and skin, may come to look the same.
    """
    count = len(images)
    rises = random.exponential(1, (count, _PIECES)) ** random.uniform(1, 1.8, (count, 1)) + 0.03
    knots = np.concatenate([np.zeros((count, 1)), np.cumsum(rises, axis=1)], axis=1)
    knots /= knots[:, -1:]
    changed = np.empty_like(images)
    for row, image, y in zip(changed, images, knots, strict=True):
        row[:] = np.interp(image, np.linspace(0, 1, _PIECES + 1), y)
    return changed


def _fields(shape: tuple[int, ...], points: int, random: np.random.Generator) -> Images:
    """(B, H, W, 1): normal numbers on a grid of so many points across, interpolated."""
    count, height, width = shape[:3]
    down = max(2, round(points * height / width))
    grid = random.standard_normal((count, down, points), dtype=np.float32)
    fields: NDArray[Any] = _interpolation(height, down) @ grid @ _interpolation(width, points).T
    return fields[..., None]


def _interpolation(size: int, points: int) -> Images:
    """(size, points): the weights that spread a grid linearly over `size` pixels."""
    positions = np.linspace(0, points - 1, size)
    distances = np.abs(positions[:, None] - np.arange(points))
    return np.asarray(np.maximum(0, 1 - distances), np.float32)
