"""Random augmentation of position and appearance, with which a localiser learns to follow content."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Images = NDArray[np.float32]

# Ours: chosen on paired renderings, docs/experiments.md, section 10.
_ZOOM = 0.1  # largest zoom, as a logarithm
_WIDEST_BLUR, _LEAST_BLUR = 0.03, 0.2  # standard deviations: largest, as share of the width; least, px
_CURVE_PIECES = 6  # straight pieces of a tone curve
_ILLUMINATION, _ILLUMINATION_GRID = 0.4, 4  # largest deviation of the logarithm of the light; grid points across
_TEXTURES = ((5, 0.15), (2, 0.08))  # px between grid points; largest deviation of the logarithm of the light
_SHADOWS, _DARKEST_SHADOW = 2, 1.6  # shadows an image at most; how far the darkest lowers the logarithm of the light
_SPOTS = 2  # glints and dark spots an image at most
_NOISE = 0.05  # largest standard deviation, for values from 0 to 1


class _OneForEachImage:
    """Draws one random number for each of `count` images, in the shape (count, 1, 1, 1)."""

    def __init__(self, random: np.random.Generator, count: int) -> None:
        self._random = random
        self._shape = (count, 1, 1, 1)

    def uniform(self, low: float, high: float) -> Images:
        """Numbers between `low` and `high`."""
        return self._random.uniform(low, high, self._shape).astype(np.float32)

    def chosen(self, probability: float) -> Images:
        """For each image 1 with this probability, else 0."""
        return (self.uniform(0, 1) < probability).astype(np.float32)


def shift_and_zoom(images: Images, points: Images, random: np.random.Generator) -> tuple[Images, Images]:
    """Shifts each image (B, H, W, C) by up to a twelfth of its side and zooms it about its middle by up to a tenth.

    The points (B, 2P) of the images, px, move with the content. Interpolation is linear; beyond the border, the pixels
    of the border are repeated.
    """
    count = len(images)
    scale = np.exp(random.uniform(-_ZOOM, _ZOOM, (count, 1)))
    moved, xy = images, points.reshape(count, -1, 2).astype(np.float64)
    for axis, coordinate in ((1, 1), (2, 0)):  # rows and y, columns and x
        side = images.shape[axis]
        middle, shift = (side - 1) / 2, random.uniform(-side / 12, side / 12, (count, 1))
        moved = _interpolated(moved, (np.arange(side) - middle - shift) / scale + middle, axis)
        xy[..., coordinate] = (xy[..., coordinate] - middle) * scale + middle + shift
    return moved, xy.reshape(points.shape).astype(np.float32)


def _interpolated(images: Images, positions: NDArray[np.float64], axis: int) -> Images:
    """Interpolates each image (B, H, W, C) at `positions` (B, side) along axis 1 (rows) or axis 2 (columns)."""
    side = images.shape[axis]
    shape = [len(images), 1, 1, 1]
    shape[axis] = side
    positions = np.clip(positions, 0, side - 1).reshape(shape)
    before = np.minimum(positions.astype(np.intp), max(0, side - 2))
    share = (positions - before).astype(np.float32)
    after = np.minimum(before + 1, side - 1)
    first, second = (np.take_along_axis(images, index, axis) for index in (before, after))
    return np.asarray(first * (1 - share) + second * share, np.float32)


def change_appearance(images: Images, random: np.random.Generator) -> Images:
    """Changes the appearance of each image (B, H, W, C) in [-1, 1] at random; nothing in it moves.

    Blur, a rising tone curve, uneven light, texture, shadows with a soft edge, glints and dark spots, brightness,
    contrast and noise.
    """
    draw = _OneForEachImage(random, len(images))
    curved = _with_tone_curves((_blurred(images, random) + 1) / 2, random)
    changed: NDArray[Any] = curved ** np.exp(draw.uniform(-0.9, 0.9))
    changed = _with_spots(changed * np.exp(_log_illumination(images.shape, draw, random)), draw)
    changed = changed - changed.mean(axis=(1, 2, 3), keepdims=True)
    changed = changed / (changed.std(axis=(1, 2, 3), keepdims=True) + 0.02)
    changed = changed * draw.uniform(0.07, 0.3) + draw.uniform(0.3, 0.7)  # contrast and brightness
    noise = random.standard_normal(images.shape, dtype=np.float32)
    changed = changed + noise * draw.uniform(0, 1) ** 2 * _NOISE
    return np.asarray(np.clip(changed * 2 - 1, -1, 1), np.float32)


def _log_illumination(
    shape: tuple[int, ...], draw: _OneForEachImage, random: np.random.Generator
) -> NDArray[np.floating[Any]]:
    """Logarithm of the illumination of images (B, H, W, C): (B, H, W, 1). Slopes, textures and straight shadows."""
    width = shape[2]
    y, x = _coordinates(shape)
    log_light: NDArray[Any] = draw.uniform(-0.4, 0.4) * x + draw.uniform(-0.4, 0.4) * y
    log_light = log_light + draw.uniform(0, _ILLUMINATION) * _smooth_noise(shape, _ILLUMINATION_GRID, random)
    for spacing, deviation in _TEXTURES:
        strength = draw.chosen(0.5) * draw.uniform(0, deviation)
        log_light = log_light + strength * _smooth_noise(shape, max(2, width // spacing), random)
    for _ in range(_SHADOWS):
        angle = draw.uniform(0, 2 * np.pi)
        beyond_edge = np.cos(angle) * x + np.sin(angle) * y - draw.uniform(-0.8, 0.8)
        shade = 0.5 + 0.5 * np.tanh(beyond_edge / draw.uniform(0.1, 0.8) / 2)
        log_light = log_light - draw.chosen(0.6) * draw.uniform(0, _DARKEST_SHADOW) * shade
    return log_light


def _with_spots(images: NDArray[Any], draw: _OneForEachImage) -> NDArray[Any]:
    """Images (B, H, W, C) in [0, 1] with round spots, bright or dark."""
    y, x = _coordinates(images.shape)
    aspect = images.shape[1] / images.shape[2]
    for _ in range(_SPOTS):
        distance = (x - draw.uniform(-1, 1)) ** 2 + ((y - draw.uniform(-1, 1)) * aspect) ** 2
        spot = draw.chosen(0.4) * np.exp(-distance / (2 * draw.uniform(0.02, 0.1) ** 2))
        images = images + spot * (draw.uniform(-0.1, 1) - images / 2)
    return images


def _coordinates(shape: tuple[int, ...]) -> tuple[Images, Images]:
    """y (1, H, 1, 1) and x (1, 1, W, 1) from -1 to 1."""
    y, x = (np.linspace(-1, 1, side, dtype=np.float32) for side in shape[1:3])
    return y[None, :, None, None], x[None, None, :, None]


def _blurred(images: Images, random: np.random.Generator) -> Images:
    """Each image (B, H, W, C) blurred by a strength of its own."""
    sigmas = random.uniform(0, _WIDEST_BLUR * images.shape[2], len(images))
    blurred = np.empty_like(images)
    for row, image, sigma in zip(blurred, images, sigmas, strict=True):
        row[:] = gaussian_filter(image, (sigma, sigma, 0), mode="nearest") if sigma > _LEAST_BLUR else image
    return blurred


def _with_tone_curves(images: NDArray[Any], random: np.random.Generator) -> NDArray[Any]:
    """Images (B, H, W, C) in [0, 1], each through a curve of its own that rises from 0 to 1 in straight pieces.

    Some pieces are almost flat, so that pupil and iris, or eye and skin, may end up with the same grey.
    """
    count = len(images)
    rises = random.exponential(1, (count, _CURVE_PIECES)) ** random.uniform(1, 1.8, (count, 1)) + 0.03
    knots = np.concatenate([np.zeros((count, 1)), np.cumsum(rises, axis=1)], axis=1)
    knots /= knots[:, -1:]
    changed = np.empty_like(images)
    for row, image, y in zip(changed, images, knots, strict=True):
        row[:] = np.interp(image, np.linspace(0, 1, _CURVE_PIECES + 1), y)
    return changed


def _smooth_noise(shape: tuple[int, ...], points: int, random: np.random.Generator) -> Images:
    """(B, H, W, 1): standard normal numbers on a grid with `points` columns, linearly interpolated."""
    count, height, width = shape[:3]
    down = max(2, round(points * height / width))
    grid = random.standard_normal((count, down, points), dtype=np.float32)
    noise: NDArray[Any] = _interpolation_weights(height, down) @ grid @ _interpolation_weights(width, points).T
    return noise[..., None]


def _interpolation_weights(size: int, points: int) -> Images:
    """(size, points): the weights that spread a grid linearly over `size` pixels."""
    positions = np.linspace(0, points - 1, size)
    distances = np.abs(positions[:, None] - np.arange(points))
    return np.asarray(np.maximum(0, 1 - distances), np.float32)
