"""Converts labels that give positions, as points or as masks, to points."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError

_CLASSES = 64  # a label with more classes is not taken for a mask


def as_points(labels: NDArray[Any], size: tuple[int, int], name: str) -> NDArray[np.float64]:
    """Points (N, P, 2), x and y in px, of a label of points or masks.

    Args:
        labels: points (N, 2) or (N, P, 2), or masks (N, H, W) of whole numbers, 0 for the background. Each class of a
            mask becomes one point, its centre of gravity.
        size: (H, W) of the images.
        name: name of the label, for errors.

    Raises:
        DataError: the label is none of these, its points are not on the images, or a class is missing in an image.
    """
    if labels.ndim == 3 and labels.shape[1:] == size and labels.dtype.kind in "iub":
        return _centres(labels, name)
    if labels.ndim in (2, 3) and labels.shape[-1] == 2 and labels.dtype.kind in "fiu" and on_image(labels, size):
        return np.asarray(labels, np.float64).reshape(len(labels), -1, 2)
    raise DataError(
        f"points: expected a label of (x, y) in pixels, or masks of {size[0]}x{size[1]}, for each image, received "
        f"{name!r} {labels.shape} {labels.dtype}; choose another label."
    )


def on_image(points: NDArray[Any], size: tuple[int, int]) -> bool:
    """Whether points (..., 2) can be pixel coordinates: most lie on the image, and a coordinate is above 2.

    Coordinates relative to the size of the image never reach 2.
    """
    height, width = size
    on = ((points >= -0.5) & (points <= [width - 0.5, height - 0.5])).all(axis=-1)
    return bool(on.mean() > 0.5 and points.max() > 2)


def _centres(masks: NDArray[Any], name: str) -> NDArray[np.float64]:
    """(N, H, W) -> (N, classes, 2)."""
    classes = np.unique(masks)
    classes = classes[classes != 0]
    if not 0 < len(classes) <= _CLASSES:
        raise DataError(f"points: expected masks of 1 to {_CLASSES} classes in {name!r}, received {len(classes)}.")
    rows, columns = np.arange(masks.shape[1]), np.arange(masks.shape[2])
    centres = []
    for number in classes:
        of_class = masks == number
        count = of_class.sum(axis=(1, 2))
        if (missing := np.flatnonzero(count == 0)).size:
            raise DataError(
                f"points: expected every class of the masks {name!r} in every image, received no class {number} "
                f"in {missing.size} image(s), the first with index {missing[0]}; choose another label."
            )
        x = (of_class.sum(axis=1) * columns).sum(axis=1) / count
        y = (of_class.sum(axis=2) * rows).sum(axis=1) / count
        centres.append(np.stack([x, y], axis=1))
    return np.stack(centres, axis=1)
