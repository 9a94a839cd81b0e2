"""Labels that are boxes: arrays (K, 5) of x, y, width and height in px, and class."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError

_COLUMNS = 5


def are_boxes(labels: NDArray[Any]) -> bool:
    """Whether a label holds boxes: an array (K, 5) for each image, or one array (N, K, 5) for all."""
    if labels.dtype != object:
        return labels.ndim == 3 and labels.shape[2] == _COLUMNS and labels.dtype.kind in "fiu"
    return labels.ndim == 1 and all(
        isinstance(one, np.ndarray) and one.ndim == 2 and one.shape[1] == _COLUMNS and one.dtype.kind in "fiu"
        for one in labels
    )


def as_boxes(labels: NDArray[Any]) -> list[NDArray[np.float64]]:
    """The boxes of each image, (K, 5). Rows of width or height 0 are left out: they pad arrays (N, K, 5)."""
    rows = [np.asarray(one, np.float64) for one in labels]
    return [one[(one[:, 2] > 0) & (one[:, 3] > 0) & np.isfinite(one).all(axis=1)] for one in rows]


def scaled(labels: NDArray[Any], sizes: Sequence[tuple[int, int]], size: tuple[int, int]) -> NDArray[Any]:
    """The boxes of each image in px, after the images were resized from `sizes`, (H, W) each, to `size`."""
    boxes = np.empty(len(labels), object)
    for index, (of_image, (height, width)) in enumerate(zip(as_boxes(labels), sizes, strict=True)):
        across, down = size[1] / width, size[0] / height
        boxes[index] = of_image * [across, down, across, down, 1]
    return boxes


def check_boxes(labels: NDArray[Any], name: str) -> tuple[int, ...]:
    """Checks the boxes and returns their classes.

    Raises:
        DataError: there are no boxes, the boxes are not in px, or a class is not one of 0, 1, 2, ...
    """
    boxes = np.concatenate(as_boxes(labels))
    ends, problem = boxes[:, :2] + boxes[:, 2:4], None
    if not len(boxes):
        problem = "no box in any image"
    elif ends.max() <= 2:  # shares of the image's sides never reach 2
        problem = "boxes that all end within 2 px, so they are probably shares of the image's sides"
    elif (boxes[:, 4] != boxes[:, 4].round()).any() or boxes[:, 4].min() < 0:
        problem = "classes that are not 0, 1, 2, ..."
    if problem is not None:
        raise DataError(
            f"label: expected boxes (x, y, width, height in px, class) in {name!r}, received {problem}; correct "
            "the label or choose another."
        )
    return tuple(int(one) for one in np.unique(boxes[:, 4]))
