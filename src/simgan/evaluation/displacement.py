"""How far content moved between two versions of an image, without labels: dense optical flow that is sure of itself.

Flow: dense inverse search (Kroeger et al., ECCV 2016), as OpenCV has it. Refining changes tones, contrast and light
on purpose, so flow is sought between locally normalised images, in which these are gone. It counts where there is
structure, since in flat skin it means nothing, and where the flow back leads to where it came from: an edge that
faded or was painted anew is a change of looks, and flow between two such images says anything (forward-backward
check: Sundaram, Brox and Keutzer, ECCV 2010).
"""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

# Ours: tests/evaluation/test_displacement.py has shifts and changes of light that these read well, and
# docs/experiments.md, section 11, what they read where an image moved by nothing but looks otherwise.
_WINDOW, _WINDOW_SHARE = 3.0, 0.055  # px, and share of the width: local normalisation, the larger
_FLAT = 0.08  # contrast in the [-1, 1] range below which a window counts as flat
_LEVELS = 40.0  # grey levels, of 8 bits, for one standard deviation
_SMALL = 128  # px: images with a shorter side are enlarged twice, for flow works on patches of 8 px
_TINY, _LARGE = 16, 256  # px: what the shorter side has in the search at the least and at the most
_DISAGREEMENT, _DISAGREEMENT_SHARE = 0.25, 0.0045  # px, and share of the width: between flow and flow back, the larger
_SMOOTH_SHARE = 0.08  # of the width: content moves as a piece of this size
_MOST_THREADS = 16
_NOTHING = 1e-12  # of a total of gradient energies: no structure that both versions have


def displacement(synthetic: NDArray[np.float32], refined: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean length of the flow from each synthetic image to its refined version, where it can be trusted.

    Not zero where nothing moved: up to 0.2 px of 55 for the same eyes in another light, 0.5 px for the same eyes in
    front of another camera. Right to 0.15 px for shifts of one pixel to four.

    Args:
        synthetic: (N, H, W, C) in [-1, 1].
        refined: the same images refined.

    Returns:
        (N,), px. 0 where the two have no structure in common.
    """
    if len(synthetic) != len(refined):
        raise ValueError(f"refined: expected {len(synthetic)} images, received {len(refined)}")
    threads = min(_MOST_THREADS, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads) as pool:  # nearly all of it is done outside the interpreter's lock
        return np.fromiter(pool.map(_moved, synthetic, refined), np.float64, len(synthetic))


def _moved(x: NDArray[np.float32], refined: NDArray[np.float32]) -> float:
    flow, back = flow_field(x, refined), flow_field(refined, x)
    width = x.shape[1]
    weight = _energy(x) * _agreement(flow, back, max(_DISAGREEMENT, _DISAGREEMENT_SHARE * width))
    window = _SMOOTH_SHARE * width
    around = gaussian_filter(weight, window)
    smooth = gaussian_filter(flow * weight[..., None], (window, window, 0)) / np.maximum(around, _NOTHING)[..., None]
    total = weight.sum()
    return float((np.hypot(smooth[..., 0], smooth[..., 1]) * weight).sum() / total) if total > _NOTHING else 0.0


def _energy(image: NDArray[np.float32]) -> NDArray[np.float64]:
    """(H, W, C) -> (H, W): squared gradient of its grey version."""
    dy, dx = np.gradient(gaussian_filter(image.mean(axis=-1, dtype=np.float64), 1.0))
    return np.asarray(dx**2 + dy**2)


def _agreement(flow: NDArray[np.float32], back: NDArray[np.float32], scale: float) -> NDArray[np.float64]:
    """(H, W): 1 where the flow back returns to the pixel that it came from, falling over `scale` px."""
    y, x = np.indices(flow.shape[:2], np.float32)
    returned = cv2.remap(back, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    off = (flow + returned).astype(np.float64)
    return np.asarray(np.exp(-(off**2).sum(axis=-1) / scale**2))


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
