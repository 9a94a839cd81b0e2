"""Simulates a cheap camera: uneven light, blur, tone curve, noise, and coding in 8 x 8 blocks."""

from dataclasses import dataclass

import numpy as np

from simgan.eyes.draws import Draws, per_image
from simgan.eyes.labels import Floats
from simgan.eyes.textures import cut, noise_tile

REFERENCE_WIDTH = 60.0
BLUR = (0.55, 1.2)
"""Range of the standard deviation of the blur, px, in an image that is REFERENCE_WIDTH wide."""

BLOCK = 8
QUANTISATION = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    np.float32,
)
"""Luminance table of JPEG (ITU-T T.81, Annex K.1), for quality 50."""


@dataclass(frozen=True)
class Sensor:
    """Settings of N exposures; fields are float32 (N,) unless they say otherwise.

    Attributes:
        slope: (N, 2), relative change of the light from the middle to the right edge and to the lower edge.
        cloud: strength of soft patches of light and shadow.  places: (N, 2), where they are cut from the noise tile.
        exposure: mean brightness of an image after the automatic gain and before the tone curve.
        blur: standard deviation, px, in an image 60 px wide.
        gamma, contrast: exponent, and share of an S curve, in the tone curve.
        black, white: brightness that 0 and 1 are mapped to.
        noise: standard deviation, of brightness in [0, 1].
        coding: multiple of the JPEG table.
    """

    slope: Floats
    cloud: Floats
    places: Floats
    exposure: Floats
    blur: Floats
    gamma: Floats
    contrast: Floats
    black: Floats
    white: Floats
    noise: Floats
    coding: Floats


def draw_sensor(draws: Draws) -> Sensor:
    """Draws the settings of one exposure for each image."""
    return Sensor(
        slope=np.stack([draws.bell(0.0, 0.22), draws.bell(0.05, 0.16)], axis=-1),
        cloud=draws.uniform(0.05, 0.2),
        places=np.stack([draws.uniform(0.0, 1.0), draws.uniform(0.0, 1.0)], axis=-1),
        exposure=draws.uniform(0.34, 0.55),
        blur=draws.uniform(*BLUR),
        gamma=draws.uniform(0.85, 1.5),
        contrast=draws.uniform(0.0, 0.5),
        black=draws.uniform(0.01, 0.12),
        white=draws.uniform(0.65, 1.0),
        noise=draws.uniform(0.004, 0.018),
        coding=draws.uniform(0.08, 0.4),
    )


def expose(images: Floats, sensor: Sensor, noise: Floats) -> Floats:
    """Passes images (N, C, H, W) in [0, 1] and standard normal noise (N, H, W) through the sensor, in place.

    Returns:
        The images, float32 (N, C, H, W), not clipped.
    """
    height, width = images.shape[2:]
    images *= _light(sensor, height, width)[:, None]
    images *= (sensor.exposure / images.mean(axis=(1, 2, 3)))[:, None, None, None]
    scale = width / REFERENCE_WIDTH
    images = blur(images, sensor.blur * scale, int(np.ceil(2.5 * BLUR[1] * scale)))
    images = _tone(images, sensor)
    noise *= per_image(sensor.noise)
    images += noise[:, None]
    return code_blocks(images, sensor.coding)


def _light(sensor: Sensor, height: int, width: int) -> Floats:
    """Strength of the light, (N, H, W), about 1."""
    field = cut(noise_tile(height, width, 2.2), height, width, sensor.places) * per_image(sensor.cloud)
    field += (sensor.slope[:, :1] * np.linspace(-1.0, 1.0, width, dtype=np.float32) + 1.0)[:, None, :]
    field += (sensor.slope[:, 1:] * np.linspace(-1.0, 1.0, height, dtype=np.float32))[:, :, None]
    np.maximum(field, 0.15, out=field)
    return field


def blur(images: Floats, deviation: Floats, radius: int) -> Floats:
    """Gaussian blur of images (N, C, H, W), deviation (N,) in px, cut off at `radius` px; edges are continued."""
    offset = np.arange(radius + 1, dtype=np.float32)
    weights = np.exp(-0.5 * (offset / deviation[:, None]) ** 2)  # (N, radius + 1)
    weights /= 2.0 * weights.sum(axis=1, keepdims=True) - weights[:, :1]
    for axis in (2, 3):
        images = _smooth(images, weights, axis)
    return images


def _smooth(images: Floats, weights: Floats, axis: int) -> Floats:
    """Convolution along one axis with symmetric weights (N, radius + 1), the middle one first."""
    radius, size = weights.shape[1] - 1, images.shape[axis]
    padding = [(0, 0)] * images.ndim
    padding[axis] = (radius, radius)
    padded = np.moveaxis(np.pad(images, padding, mode="edge"), axis, 0)
    smooth = images * per_image(weights[:, 0])[:, None]
    out = np.moveaxis(smooth, axis, 0)
    for reach in range(1, radius + 1):
        pair = padded[radius - reach : radius - reach + size] + padded[radius + reach : radius + reach + size]
        pair *= np.moveaxis(per_image(weights[:, reach])[:, None], axis, 0)
        out += pair
    return smooth


def _tone(images: Floats, sensor: Sensor) -> Floats:
    """Gamma, S curve, and the reach from black to white."""
    gamma, contrast, black, white = (
        per_image(v)[:, None] for v in (sensor.gamma, sensor.contrast, sensor.black, sensor.white)
    )
    np.clip(images, 1e-4, 1.0, out=images)
    np.log(images, out=images)
    images *= gamma
    np.exp(images, out=images)
    curve = images * -2.0
    curve += 3.0
    curve *= images
    curve -= 1.0
    curve *= contrast
    curve += 1.0
    images *= curve  # (1 - c) x + c (3 x^2 - 2 x^3)
    images *= white - black
    images += black
    return images


def code_blocks(images: Floats, coding: Floats) -> Floats:
    """Rounds 8 x 8 DCT coefficients of images (N, C, H, W) in [0, 1] as JPEG does, with `coding` (N,) times its table.

    If a side is not a multiple of 8, the last row or column is repeated.
    """
    count, channels, height, width = images.shape
    pad_y, pad_x = -height % BLOCK, -width % BLOCK
    padded = np.pad(images, ((0, 0), (0, 0), (0, pad_y), (0, pad_x)), mode="edge")
    padded *= 255.0
    padded -= 128.0
    full = padded.shape
    bands = (count, channels, full[2] // BLOCK, BLOCK, full[3])
    rows = (count, channels, full[2] * full[3] // BLOCK, BLOCK)  # not one matrix: sums must not depend on the batch
    dct = _dct()
    steps = np.tile(QUANTISATION, (1, full[3] // BLOCK)) * per_image(coding)  # (N, 8, W)
    coefficients = ((dct @ padded.reshape(bands)).reshape(rows) @ dct.T).reshape(bands)
    coefficients /= steps[:, None, None]
    np.rint(coefficients, out=coefficients)
    coefficients *= steps[:, None, None]
    decoded = ((dct.T @ coefficients).reshape(rows) @ dct).reshape(full)
    decoded += 128.0
    decoded *= 1.0 / 255.0
    return decoded[:, :, :height, :width]


def _dct() -> Floats:
    """Orthonormal type-II cosine transform, (8, 8): row k is the wave of frequency k."""
    k, n = np.arange(BLOCK)[:, None], np.arange(BLOCK)
    matrix = np.sqrt(2.0 / BLOCK) * np.cos(np.pi * (2 * n + 1) * k / (2 * BLOCK))
    matrix[0] /= np.sqrt(2.0)
    rows: Floats = matrix.astype(np.float32)
    return rows
