"""Similarity of structure between two versions of an image, regardless of brightness and contrast.

Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity, TIP 2004, equation 10: the
structure term of SSIM, the correlation of two images within a Gaussian window.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

_WINDOW = 1.5  # px (Wang et al.)
_C3 = (0.03 * 2.0) ** 2 / 2  # (Wang et al.), for values from -1 to 1


def structural_similarity(synthetic: NDArray[np.float32], refined: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean over the image of s(x, x~) = (cov + C3) / (std std~ + C3).

    Args:
        synthetic: (N, H, W, C) in [-1, 1].
        refined: the same images refined.

    Returns:
        (N,): 1 if edges are where they were, near 0 for unrelated images.
    """
    x, y = (images.mean(axis=-1, dtype=np.float64) for images in (synthetic, refined))

    def local(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(gaussian_filter(values, (0, _WINDOW, _WINDOW), mode="reflect"))

    mean_x, mean_y = local(x), local(y)
    var_x, var_y = (np.maximum(local(values**2) - mean**2, 0) for values, mean in ((x, mean_x), (y, mean_y)))
    covariance = local(x * y) - mean_x * mean_y
    return np.asarray(((covariance + _C3) / (np.sqrt(var_x * var_y) + _C3)).mean(axis=(1, 2)))
