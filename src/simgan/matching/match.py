"""Whole sets of images matched to photographs, each to one drawn at random."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simgan.images import resize
from simgan.matching.colour import transfer_colour
from simgan.matching.distribution import adapt_distribution
from simgan.matching.fourier import swap_low_frequencies
from simgan.matching.histogram import match_histogram

MatchMethod = Literal["histogram", "colour", "fda-0.01", "fda-0.05", "fda-0.09", "pca"]
OneToOne = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]

METHODS: dict[MatchMethod, OneToOne] = {
    "histogram": match_histogram,
    "colour": transfer_colour,
    "fda-0.01": partial(swap_low_frequencies, width=0.01),
    "fda-0.05": partial(swap_low_frequencies, width=0.05),
    "fda-0.09": partial(swap_low_frequencies, width=0.09),
    "pca": adapt_distribution,
}
"""By name; the number of fda is the share of the frequencies that are swapped."""


def match_images(
    images: NDArray[np.float32], photographs: NDArray[np.float32], method: MatchMethod, *, seed: int = 0
) -> NDArray[np.float32]:
    """Matches each image to one of the photographs, drawn at random.

    Args:
        images: (N, H, W, C) in [-1, 1].
        photographs: (M, h, w, C) in [-1, 1]; resized where they have another size.
        method: one of METHODS.
        seed: of the draw.

    Returns:
        (N, H, W, C) in [-1, 1].
    """
    drawn = np.random.default_rng(seed).integers(len(photographs), size=len(images))
    size = images.shape[1:3]
    pairs = zip(images, drawn, strict=True)
    return np.stack([METHODS[method](image, resize(photographs[index], size)) for image, index in pairs])
