"""Measures how far content moved between two versions of an image, without labels, by dense optical flow.

The flow is dense inverse search (Kroeger et al., ECCV 2016), as implemented in OpenCV. Refining changes tones,
contrast and light on purpose, so the flow is computed between locally normalised images, in which these do not show.
The flow of a pixel is weighted by structure and by agreement. Structure: in flat regions the flow means nothing.
Agreement: the flow from the refined image back must return to the pixel (forward-backward check: Sundaram, Brox and
Keutzer, ECCV 2010). Where it does not, an edge has faded or a new one was drawn, which is a change of appearance, and
the flow there is arbitrary.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from simgan.images.threads import in_threads

# Ours. tests/framing/test_displacement.py has shifts, and changes of light, that these settings measure well;
# docs/experiments.md, section 11, has what they measure where nothing moved and only the appearance changed.
_WINDOW, _WINDOW_SHARE = 3.0, 0.055  # px, share of the width: the larger is the window of local normalisation
_FLAT = 0.08  # contrast in the [-1, 1] range below which a window counts as flat
_LEVELS = 40.0  # grey levels, of 255, for one standard deviation
_SMALL = 128  # px: images whose shorter side is below this are enlarged twice: the search matches patches of 8 px
_TINY, _LARGE = 16, 256  # px: the least and the greatest shorter side of the images that the flow is computed on
_DISAGREEMENT, _DISAGREEMENT_SHARE = 0.25, 0.0045  # px, share of the width: the larger is the scale of `_agreement`
_SMOOTH_SHARE = 0.08  # of the width: standard deviation of the Gaussian that smooths the flow
_MOST_THREADS = 16  # nearly all of the work is done without the interpreter lock
_NOTHING = 1e-12  # sum of the weights below which the two versions have no structure in common


def displacement(synthetic: NDArray[np.float32], refined: NDArray[np.float32]) -> NDArray[np.float64]:
    """Weighted mean length of the flow from each synthetic image to its refined version.

    The result is not 0 where nothing moved: in images 55 px wide, up to 0.2 px for the same eyes in another light
    and 0.5 px for the same eyes in front of another camera. Shifts of half a pixel to four pixels are measured to
    within 0.15 px.

    Args:
        synthetic: (N, H, W, C) in [-1, 1].
        refined: the same images refined.

    Returns:
        (N,), px. 0 for two versions that have no structure in common.

    Raises:
        ValueError: the numbers of synthetic and of refined images differ.
    """
    if len(synthetic) != len(refined):
        raise ValueError(f"refined: expected {len(synthetic)} images, received {len(refined)}")
    pairs = list(zip(synthetic, refined, strict=True))
    return np.array(in_threads(lambda pair: _mean_flow(*pair), pairs, most_threads=_MOST_THREADS), np.float64)


def _mean_flow(x: NDArray[np.float32], refined: NDArray[np.float32]) -> float:
    """The mean length, px, of the smoothed flow of one image, over pixels by their weight."""
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
    """(H, W): 1 where the flow back returns to its pixel; falls with the distance from it, to 1/e at `scale` px."""
    y, x = np.indices(flow.shape[:2], np.float32)
    returned = cv2.remap(back, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    error = (flow + returned).astype(np.float64)
    return np.asarray(np.exp(-(error**2).sum(axis=-1) / scale**2))


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
    """Normalises to local mean 0 and contrast 1, as 8 bits, which the flow search needs: (H, W, C) -> (H, W)."""
    grey = image.mean(axis=-1)
    window = max(_WINDOW, _WINDOW_SHARE * grey.shape[1])
    centred = grey - gaussian_filter(grey, window)
    contrast = np.sqrt(gaussian_filter(centred**2, window))
    levels: NDArray[np.floating] = np.rint(centred / (contrast + _FLAT) * _LEVELS + 128)
    return np.asarray(np.clip(levels, 0, 255), np.uint8)
