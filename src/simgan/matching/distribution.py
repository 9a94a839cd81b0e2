"""Pixel distribution adaptation by principal components.

Source: PixelDistributionAdaptation in Albumentations (Buslaev et al., Information 2020), which takes it from qudida.
"""

import numpy as np
from numpy.typing import NDArray


def adapt_distribution(image: NDArray[np.float32], photograph: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rotates the colours of an image: their principal axes and their mean become those of the photograph's colours.

    The deviations along the axes stay as they are. With one channel only the mean changes.

    Args:
        image: (H, W, C) in [-1, 1].
        photograph: (h, w, C), of any size.

    Returns:
        (H, W, C), clipped to [-1, 1].
    """
    channels = image.shape[-1]
    colours, target = (array.reshape(-1, channels).astype(np.float64) for array in (image, photograph))
    axes, target_axes = _principal_axes(colours), _principal_axes(target)
    # The sign of an axis is arbitrary: each axis of the photograph is turned to the side of the image's axis.
    signs = np.where(np.sum(axes * target_axes, axis=0) < 0, -1.0, 1.0)
    moved = (colours - colours.mean(axis=0)) @ axes @ (target_axes * signs).T + target.mean(axis=0)
    return np.asarray(np.clip(moved, -1, 1).reshape(image.shape), np.float32)


def _principal_axes(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C, C): the axes of colours (N, C) as columns, the axis of the largest variance first."""
    _, vectors = np.linalg.eigh(np.atleast_2d(np.cov(colours, rowvar=False, bias=True)))
    return np.asarray(vectors[:, ::-1])
