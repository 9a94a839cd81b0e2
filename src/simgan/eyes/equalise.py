"""Histogram equalisation, the last step of the normalisation of MPIIGaze."""

import numpy as np

from simgan.eyes.appearance import LUMA
from simgan.eyes.labels import Bytes


def equalise_histogram(images: Bytes) -> Bytes:
    """Spreads the grey levels of every image over 0 to 255, like OpenCV's `equalizeHist`.

    A level v becomes 255 (cdf(v) - cdf(lowest)) / (pixels - cdf(lowest)), rounded; an image of one
    level stays as it is.
    In RGB the luma is equalised and its change is added to all three channels and clipped, which keeps the hues.

    Args:
        images: uint8 (N, H, W, C), C being 1 or 3.

    Returns:
        uint8 (N, H, W, C).
    """
    if images.shape[-1] == 1:
        return _equalise(images[..., 0])[..., None]
    luma = np.rint((images * LUMA).sum(axis=-1)).astype(np.uint8)
    change = _equalise(luma).astype(np.int16) - luma
    equalised: Bytes = np.clip(images + change[..., None], 0, 255).astype(np.uint8)
    return equalised


def _equalise(grey: Bytes) -> Bytes:
    """`equalise_histogram` of (N, H, W)."""
    count, pixels = len(grey), grey[0].size
    bins = grey + np.arange(0, 256 * count, 256, dtype=np.intp)[:, None, None]
    counts = np.bincount(bins.ravel(), minlength=256 * count).reshape(count, 256)
    total = counts.cumsum(axis=1)
    lowest = np.take_along_axis(counts, (counts > 0).argmax(axis=1)[:, None], axis=1)
    scale = 255.0 / np.maximum(pixels - lowest, 1)
    table = np.rint(np.maximum(total - lowest, 0) * scale).astype(np.uint8)
    flat = (lowest == pixels)[:, 0]
    table[flat] = np.arange(256, dtype=np.uint8)
    equalised: Bytes = table.ravel().take(bins)
    return equalised
