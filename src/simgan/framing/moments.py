"""Measures the content of one image on a plain background: its place, width, height and slant.

The background is the median of the border, channel by channel. Pixels that differ from it are content, each weighted
by its difference. All measures are relative to the sides of the image, so they stay when the image is resized.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

MOMENTS = ("right", "down", "width", "height", "slant")
"""Names of the moments: the centre, as shares of the width and of the height; the logarithms of the standard
deviations across, after the slant is taken away, and down, as shares of the same; how much further right content lies
for each share of the height further down."""
PLAIN = 0.6
"""Share of border pixels near their median above which the background of an image counts as plain."""

# Ours: docs/experiments.md, section 15.
_NEAR = 0.1  # largest difference from the background, in the range [-1, 1], that is not content
_NOISY = 0.02  # standard deviation of noise on the background above which the image is smoothed first
_SMOOTH = 1.0  # px, deviation of the Gaussian that then smooths it
_FAINT = 0.1  # share of the largest difference in the image up to which a difference is not content
_MOST_SLANT = 1.0  # a thin line that lies almost flat has no slant that means anything
_OF_A_PIXEL = 1 / 12  # variance of a square of side 1 about its middle, px


class Content(NamedTuple):
    """The content of one image, in relative coordinates: (0, 0) upper left corner, (1, 1) lower right corner."""

    moments: NDArray[np.float64]
    """(5,), in the order of MOMENTS."""
    outline: NDArray[np.float64]
    """(P, 2), right and down: points whose convex hull holds all content."""


def background_of(image: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """The background of an image (H, W, C), (C,), and the share of border pixels that are near it."""
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])  # (2 (H + W), C)
    background = np.median(border, axis=0)
    return background, float((np.abs(border - background).max(axis=1) < _NEAR).mean())


def measure(image: NDArray[np.float32]) -> Content | None:
    """Measures the content of an image (H, W, C) in [-1, 1].

    Returns:
        The content. None if there is none, or if no more than half of the border is near the background, so that
        nothing tells content from background.
    """
    background, share = background_of(image)
    if share <= 0.5:
        return None
    is_noisy = _noise(image, background) > _NOISY  # noise would count as content, far from it
    if is_noisy:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), _SMOOTH), np.float32).reshape(image.shape)
    widened = _SMOOTH**2 if is_noisy else 0.0
    weight = np.abs(image - background).mean(axis=-1, dtype=np.float64)
    weight[weight <= max(_NEAR, _FAINT * float(weight.max()))] = 0
    total = weight.sum()
    if total == 0:
        return None
    height, width = weight.shape
    across, down = weight.sum(axis=0) / total, weight.sum(axis=1) / total
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    centre_x, centre_y = across @ x, down @ y
    variance_x = max(0.0, across @ (x - centre_x) ** 2 - widened) + _OF_A_PIXEL
    variance_y = max(0.0, down @ (y - centre_y) ** 2 - widened) + _OF_A_PIXEL
    covariance = (y - centre_y) @ weight @ (x - centre_x) / total
    most = _MOST_SLANT * width / height
    slant = np.clip(covariance / variance_y, -most, most)
    upright = variance_x - 2 * slant * covariance + slant**2 * variance_y
    moments = np.array(
        [
            centre_x / width,
            centre_y / height,
            0.5 * np.log(upright) - np.log(width),
            0.5 * np.log(variance_y) - np.log(height),
            slant * height / width,
        ]
    )
    return Content(moments, _outline(weight > 0))


def _noise(image: NDArray[np.float32], background: NDArray[np.float32]) -> float:
    """The standard deviation of noise on the background, from the median of how far border pixels are from it."""
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    return 1.4826 * float(np.median(np.abs(border - background)))


def _outline(inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The corners of the first and of the last pixel of each row of a mask (H, W)."""
    height, width = inside.shape
    rows = np.flatnonzero(inside.any(axis=1))
    left = inside[rows].argmax(axis=1)
    right = width - inside[rows, ::-1].argmax(axis=1)
    corners = [(side / width, (rows + below) / height) for side in (left, right) for below in (0, 1)]
    return np.concatenate([np.stack(corner, axis=1) for corner in corners])
