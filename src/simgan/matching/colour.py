"""Colour transfer by mean and covariance.

Source: Reinhard et al., Color Transfer between Images, IEEE CG&A 2001 (mean and deviation, channel by channel); Pitié
and Kokaram, The Linear Monge-Kantorovitch Colour Mapping, CVMP 2007 (with the covariance of the channels).
"""

import numpy as np
from numpy.typing import NDArray

_LEAST = 1e-8  # added to each variance, which is 0 in an image of one colour


def transfer_colour(image: NDArray[np.float32], photograph: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gives the colours of an image the mean and covariance of the colours of a photograph.

    Of all linear maps that do so, this function applies the one that changes the colours least. With one channel, it
    transfers mean and deviation, as Reinhard's transfer does.

    Args:
        image: (H, W, C) in [-1, 1].
        photograph: (h, w, C), of any size.

    Returns:
        (H, W, C), clipped to [-1, 1].
    """
    channels = image.shape[-1]
    colours, target = (array.reshape(-1, channels).astype(np.float64) for array in (image, photograph))
    root = _power(_covariance(colours), 0.5)
    inverse = _power(_covariance(colours), -0.5)
    linear = inverse @ _power(root @ _covariance(target) @ root, 0.5) @ inverse
    moved = (colours - colours.mean(axis=0)) @ linear + target.mean(axis=0)
    return np.asarray(np.clip(moved, -1, 1).reshape(image.shape), np.float32)


def _covariance(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C, C) of colours (N, C)."""
    channels = colours.shape[1]
    return np.atleast_2d(np.cov(colours, rowvar=False, bias=True)) + _LEAST * np.eye(channels)


def _power(symmetric: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    """A power of a symmetric positive matrix (C, C)."""
    values, vectors = np.linalg.eigh(symmetric)
    return np.asarray((vectors * np.maximum(values, _LEAST**2) ** exponent) @ vectors.T)
