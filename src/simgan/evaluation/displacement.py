"""How far content moved between two versions of an image, without labels: dense optical flow.

Flow: dense inverse search (Kroeger et al., ECCV 2016), as OpenCV has it. Refining changes tones, contrast and light
on purpose, so flow is sought between locally normalised images, in which these are gone; and it counts where there is
structure, since in flat skin it means nothing.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

# Ours: tests/evaluation/test_displacement.py has shifts and changes of light that these read well.
_WINDOW, _WINDOW_SHARE = 3.0, 0.055  # px, and share of the width: local normalisation, the larger
_FLAT = 0.08  # contrast in the [-1, 1] range below which a window counts as flat
_LEVELS = 40.0  # grey levels, of 8 bits, for one standard deviation
_SMALL = 128  # px: images with a shorter side are enlarged twice, for flow works on patches of 8 px
_TINY, _LARGE = 16, 256  # px: what the shorter side has in the search at the least and at the most


def displacement(synthetic: NDArray[np.float32], refined: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean length of the flow from each synthetic image to its refined version, weighted by gradient energy.

    Not zero where nothing moved: about 0.2 px of 55 for the same eyes in another light. Right to 0.1 px for shifts of
    half a pixel to four.

    Args:
        synthetic: (N, H, W, C) in [-1, 1].
        refined: the same images refined.

    Returns:
        (N,), px.
    """
    return np.array([_moved(x, x_refined) for x, x_refined in zip(synthetic, refined, strict=True)], np.float64)


def _moved(x: NDArray[np.float32], refined: NDArray[np.float32]) -> float:
    grey, flow = x.mean(axis=-1), flow_field(x, refined)
    dy, dx = np.gradient(gaussian_filter(grey, 1.0))
    energy = dx**2 + dy**2
    total = energy.sum()
    return float((np.hypot(flow[..., 0], flow[..., 1]) * energy).sum() / total) if total > 0 else 0.0


def flow_field(x: NDArray[np.float32], refined: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W, C) twice in [-1, 1] -> (H, W, 2): dx, dy in px from `x` to `refined`."""
    height, width = x.shape[:2]
    shorter = min(height, width)
    scale = max(2.0 if shorter < _SMALL else 1.0, _TINY / shorter) if shorter < _LARGE else _LARGE / shorter
    searched = (round(scale * width), round(scale * height))
    search: Any = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)  # type: ignore[attr-defined]
    search.setFinestScale(0)
    first, second = (
        cv2.resize(_normalised(image), searched, interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)
        for image in (x, refined)
    )
    flow = search.calc(first, second, None) / scale
    back = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(flow, (width, height), interpolation=back), np.float32)


def _normalised(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Local mean 0 and contrast 1, as 8 bits, which the search wants: (H, W, C) -> (H, W)."""
    grey = image.mean(axis=-1)
    window = max(_WINDOW, _WINDOW_SHARE * grey.shape[1])
    centred = grey - gaussian_filter(grey, window)
    contrast = np.sqrt(gaussian_filter(centred**2, window))
    levels: NDArray[np.floating] = np.rint(centred / (contrast + _FLAT) * _LEVELS + 128)
    return np.asarray(np.clip(levels, 0, 255), np.uint8)
