"""Average precision of detected boxes.

All-points interpolation, as in Pascal VOC since 2010 (Everingham et al., IJCV 2015, section 4.2): precision at a
recall is the largest precision at that recall or above, and average precision is its mean over all recalls.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

OVERLAP = 0.5  # intersection over union with which a detected box counts as right


class Detections(NamedTuple):
    """Boxes of one class in one or several images, and whether each is right."""

    image: NDArray[np.int64]
    """(D,)"""
    score: NDArray[np.float64]
    """(D,), larger for boxes that are more certain."""
    right: NDArray[np.bool_]
    """(D,)"""


def overlaps(boxes: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of boxes (D, 4) and others (K, 4), each x, y, width, height: (D, K)."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, :2] + boxes[:, None, 2:], others[None, :, :2] + others[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    union = boxes[:, 2:].prod(axis=1)[:, None] + others[:, 2:].prod(axis=1) - common
    return np.asarray(common / np.maximum(union, 1e-12))


def match(boxes: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which boxes (D, 4) of one class in one image, most certain first, are right: (D,).

    As in COCO, a box is compared with the true box (K, 4) that it overlaps most, among those that are not yet taken.
    If the overlap is at least `OVERLAP`, the box is right, and the true box is taken.
    """
    right = np.zeros(len(boxes), bool)
    if not len(truth):
        return right
    overlap = overlaps(boxes, truth)
    for index in range(len(boxes)):
        best = int(overlap[index].argmax())
        if overlap[index, best] >= OVERLAP:
            right[index] = True
            overlap[:, best] = -1.0
    return right


class WeightedAveragePrecision:
    """Average precision of one class, as a function of how often each image counts.

    Args:
        found: the detections in all images.
        truths: number of true boxes in each image, (N,).
    """

    def __init__(self, found: Detections, truths: NDArray[np.float64]) -> None:
        self._truths = truths
        order = np.argsort(-found.score, kind="stable")
        image, right = found.image[order], found.right[order]
        before = right.cumsum() - right  # number of right boxes before each box
        useful = before < right.sum()  # after the last right box, recall does not change
        ones = np.ones(int(useful.sum()))
        shape = int(right.sum()), len(truths)
        self._right = image[right]  # (T,), most certain first
        # (T, N): which boxes follow one right box, up to and including the next.
        self._since_last = csr_array((ones, (before[useful], image[useful])), shape)

    def __call__(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """(R, N) -> (R,). NaN where no image with a true box counts."""
        right = weights.T[self._right]  # (T, R)
        precision = right.cumsum(axis=0) / np.maximum((self._since_last @ weights.T).cumsum(axis=0), 1e-12)
        interpolated = np.maximum.accumulate(precision[::-1])[::-1]
        truths = weights @ self._truths
        average = np.full(len(weights), np.nan)
        np.divide((right * interpolated).sum(axis=0), truths, out=average, where=truths > 0)
        return average
