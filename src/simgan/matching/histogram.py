"""Histogram matching.

Source: Gonzalez and Woods, Digital Image Processing, 3.3 (histogram specification).
"""

import numpy as np
from numpy.typing import NDArray


def match_histogram(image: NDArray[np.float32], photograph: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gives each channel of an image the distribution of values that the same channel has in a photograph.

    The map of values is monotone: equal pixels stay equal, and edges stay where they are.

    Args:
        image: (H, W, C), any range.
        photograph: (h, w, C), of any size.

    Returns:
        (H, W, C), within the photograph's range.
    """
    channels = [_matched(image[..., c], photograph[..., c]) for c in range(image.shape[-1])]
    return np.stack(channels, axis=-1).astype(np.float32)


def _matched(values: NDArray[np.float32], wanted: NDArray[np.float32]) -> NDArray[np.float64]:
    """`values` (H, W), each replaced by the value that has the same cumulative share in `wanted`."""
    _, level, count = np.unique(values, return_inverse=True, return_counts=True)
    levels, counts = np.unique(wanted, return_counts=True)
    share = np.cumsum(count) / values.size
    mapped = np.interp(share, np.cumsum(counts) / wanted.size, levels)
    return mapped[level].reshape(values.shape)
