"""Large images go through R in tiles, so that R takes a bounded amount of memory. The result is the same."""

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

# Ours: 64 MB for a layer of 32 filters in float32; with a reach of 9 px, 6 % of the pixels are computed twice.
LARGEST_SIDE = 704
"""px: largest side of a tile, without the pixels around it."""

_POINTWISE = (layers.InputLayer, layers.Add, layers.ReLU, layers.Activation, layers.Rescaling)


def reach(refiner: keras.Model) -> int | None:
    """Radius of the receptive field, px: how far from a pixel the input may influence this pixel of the output.

    Args:
        refiner: a model (B, H, W, C) -> (B, H, W, C).

    Returns:
        The sum of the radii of all convolutions, as if they were in one chain. None if the radius is unknown, because
        the model has layers other than convolutions that keep H and W, sums, and functions of single values.
    """
    total = 0
    for layer in refiner.layers:
        if isinstance(layer, layers.Conv2D) and type(layer).__name__ == "Conv2D":
            if set(layer.strides) != {1} or (layer.padding != "same" and set(layer.kernel_size) != {1}):
                return None
            extents = zip(layer.kernel_size, layer.dilation_rate, strict=True)
            total += max((size // 2) * dilation for size, dilation in extents)
        elif not isinstance(layer, _POINTWISE):
            return None
    return total


def in_tiles(
    predict: Callable[[NDArray[np.float32]], NDArray[np.float32]], reach: int | None, images: NDArray[np.float32]
) -> NDArray[np.float32]:
    """`predict(images)`, in tiles if the images are large.

    Each tile is computed together with `reach` pixels around it, so that the result is that of whole images, up to
    rounding. A tile at the border of the image ends at the border, where `predict` pads it as it pads whole images.

    Args:
        predict: R, (N, H, W, C) -> (N, H, W, C).
        reach: how far R sees, px; None: unknown, so that images are never divided.
        images: (N, H, W, C) in [-1, 1].
    """
    height, width = images.shape[1:3]
    if reach is None or height * width <= LARGEST_SIDE**2:
        return predict(images)
    refined = np.empty_like(images)
    for rows, rows_around in _parts(height, reach):
        for columns, columns_around in _parts(width, reach):
            tile = predict(np.ascontiguousarray(images[:, rows_around, columns_around]))
            top, left = rows.start - rows_around.start, columns.start - columns_around.start
            size = rows.stop - rows.start, columns.stop - columns.start
            refined[:, rows, columns] = tile[:, top : top + size[0], left : left + size[1]]
    return refined


def _parts(side: int, reach: int) -> Iterator[tuple[slice, slice]]:
    """Divides a side into parts of about equal length; yields each part, and the part with `reach` px around it."""
    count = math.ceil(side / LARGEST_SIDE)
    edges = [round(number * side / count) for number in range(count + 1)]
    for start, stop in pairwise(edges):
        yield slice(start, stop), slice(max(0, start - reach), min(side, stop + reach))
