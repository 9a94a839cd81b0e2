"""Random changes of tones, light, sharpness and noise: the augmentation with which estimators are compared."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

DESCRIPTION = (
    "contrast x 0.67 to 1.5, brightness +-0.15 of the range, gamma 0.5 to 2, gain of each colour x 0.8 to 1.25, light "
    "that changes by x 0.74 to 1.35 from the middle to each edge, Gaussian blur with a deviation of up to 2 % of the "
    "width, Gaussian noise with a deviation of up to 8 % of the range; each drawn anew for each image and update"
)
"""What `photometric` does; printed beside the scores."""

_CONTRAST, _BRIGHTNESS, _GAMMA, _COLOUR, _LIGHT = np.log(1.5), 0.15, np.log(2.0), np.log(1.25), 0.3
_BLUR, _LEAST_BLUR = 0.02, 0.3  # standard deviations: largest, as share of the width; least, px
_NOISE = 0.08


def photometric(
    images: NDArray[np.float32], targets: NDArray[np.float32], random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Changes how each image looks, but moves nothing in it, so that labels of any kind stay true.

    Args:
        images: (B, H, W, C) in [-1, 1].
        targets: (B, K), returned as they are.
        random: draws the changes of each image.

    Returns:
        The changed images in [-1, 1], and the targets.
    """
    count, height, width, channels = images.shape

    def draw(low: float, high: float, colours: int = 1) -> NDArray[Any]:
        return random.uniform(low, high, (count, 1, 1, colours)).astype(np.float32)

    changed = _blurred((images + 1) / np.float32(2), random.uniform(0, _BLUR * width, count))
    changed = np.clip(changed, 1e-3, 1) ** np.exp(draw(-_GAMMA, _GAMMA))
    y, x = (np.linspace(-1, 1, side, dtype=np.float32) for side in (height, width))
    light = draw(-_LIGHT, _LIGHT) * x[:, None] + draw(-_LIGHT, _LIGHT) * y[:, None, None]
    gain = draw(-_COLOUR, _COLOUR, channels) if channels > 1 else np.float32(0)
    changed = changed * np.exp(light + gain)
    mean = changed.mean(axis=(1, 2, 3), keepdims=True)
    changed = (changed - mean) * np.exp(draw(-_CONTRAST, _CONTRAST)) + mean + draw(-_BRIGHTNESS, _BRIGHTNESS)
    changed = changed + random.standard_normal(images.shape, dtype=np.float32) * draw(0, _NOISE)
    return np.clip(changed * 2 - 1, -1, 1), targets


def _blurred(images: NDArray[np.float32], deviations: NDArray[np.float64]) -> NDArray[np.float32]:
    """Each image (B, H, W, C) blurred by its own standard deviation, px."""
    blurred = images.copy()
    for image, deviation in zip(blurred, deviations, strict=True):
        if deviation > _LEAST_BLUR:
            image[:] = cv2.GaussianBlur(image, (0, 0), deviation, borderType=cv2.BORDER_REPLICATE).reshape(image.shape)
    return blurred
