"""Giving the classes of two data sets the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError

_SHOWN = 8


def align_classes(
    labels: NDArray[Any], classes: Sequence[str], wanted: Sequence[str], label: str, where: str, other: str
) -> NDArray[Any]:
    """Converts the class numbers of `labels` from indices in `classes` to indices in `wanted`.

    Args:
        labels: masks of whole numbers, or boxes (objects of (K, 5) arrays, with the class in the last column).
        classes: names of the classes of `labels`.
        wanted: names of the classes of the other data set.
        label: the name of the label, for errors.
        where: the path of the data set of `labels`, for errors.
        other: the path of the other data set, for errors.

    Raises:
        DataError: a class occurs in `labels` that the other data set does not have.
    """
    if tuple(classes) == tuple(wanted):
        return labels
    numbers = np.array([wanted.index(name) if name in wanted else -1 for name in classes], np.int64)
    ragged = labels.dtype.kind == "O"
    used = np.unique(np.concatenate([boxes[:, 4] for boxes in labels]) if ragged else labels).astype(np.int64)
    unknown = [str(classes[number]) for number in used if number < len(classes) and numbers[number] < 0]
    if unknown or (used.size and used.max() >= len(classes)):
        listed = ", ".join(map(repr, unknown[:_SHOWN])) or f"class number {used.max()}, which has no name"
        raise DataError(
            f"real-test: expected in the label {label!r} of {where} the classes of {other} "
            f"({', '.join(map(repr, wanted[:_SHOWN]))}{', ...' if len(wanted) > _SHOWN else ''}), received {listed} "
            "as well; rename these classes, or remove them from the labels"
        )
    if not ragged:
        converted: NDArray[Any] = numbers[labels].astype(labels.dtype if len(wanted) <= 256 else np.int64)
        return converted
    aligned = np.empty(len(labels), object)
    for index, boxes in enumerate(labels):
        aligned[index] = np.column_stack([boxes[:, :4], numbers[boxes[:, 4].astype(np.int64)]])
    return aligned
