"""Fourier domain adaptation (FDA).

Source: Yang and Soatto, FDA: Fourier Domain Adaptation for Semantic Segmentation, CVPR 2020.
"""

import numpy as np
from numpy.typing import NDArray

from simgan.images import resize


def swap_low_frequencies(
    image: NDArray[np.float32], photograph: NDArray[np.float32], width: float
) -> NDArray[np.float32]:
    """Replaces the amplitudes of an image's low frequencies by those of a photograph. Phases, and so edges, stay.

    Args:
        image: (H, W, C) in [-1, 1].
        photograph: (h, w, C); resized to (H, W) if it has another size.
        width: beta of the paper: half the side of the square of frequencies, as a share of the shorter side; the
            paper takes 0.01, 0.05 and 0.09.

    Returns:
        (H, W, C), clipped to [-1, 1].
    """
    same_size = resize(photograph, image.shape[:2])
    # From 0 to 1, as in the authors' code (0 to 255): in [-1, 1], the amplitude of the mean would lose its sign, and a
    # bright image would stay bright whatever the photograph.
    spectrum, target = (np.fft.fft2((array + 1) / 2, axes=(0, 1)) for array in (image, same_size))
    height, across = image.shape[:2]
    half = int(width * min(height, across))
    # Frequencies in cycles per image. Those from -half to half are swapped.
    rows, columns = (np.abs(np.fft.fftfreq(side, 1 / side)) <= half for side in (height, across))
    low = (rows[:, None] & columns[None, :])[..., None]
    amplitude = np.where(low, np.abs(target), np.abs(spectrum))
    mixed = np.fft.ifft2(amplitude * np.exp(1j * np.angle(spectrum)), axes=(0, 1)).real
    return np.clip(2 * mixed - 1, -1, 1).astype(np.float32)
