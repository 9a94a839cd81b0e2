"""Average precision of detected boxes.

All-points interpolation, as in Pascal VOC since 2010 (Everingham et al., IJCV 2015, section 4.2): precision at a
recall is the largest precision at that recall or above, and average precision is its mean over all recalls.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

OVERLAP = 0.5  # least intersection over union of a detected box that counts as correct


class Detections(NamedTuple):
    """Boxes of one class in one or several images, and whether each is correct."""

    image: NDArray[np.int64]
    """(D,)"""
    score: NDArray[np.float64]
    """(D,), larger for boxes that are more certain."""
    correct: NDArray[np.bool_]
    """(D,)"""


def overlaps(boxes: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of boxes (D, 4) and others (K, 4), each x, y, width, height: (D, K)."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, :2] + boxes[:, None, 2:], others[None, :, :2] + others[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    union = boxes[:, 2:].prod(axis=1)[:, None] + others[:, 2:].prod(axis=1) - common
    return np.asarray(common / np.maximum(union, 1e-12))


def correct_boxes(boxes: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which boxes (D, 4) of one class in one image, most certain first, are correct: (D,).

    As in COCO, a box is compared with the true box (K, 4) that it overlaps most, among those that are not yet taken.
    If the overlap is at least `OVERLAP`, the box is correct, and the true box is taken.
    """
    correct = np.zeros(len(boxes), bool)
    if not len(truth):
        return correct
    overlap = overlaps(boxes, truth)
    for index in range(len(boxes)):
        best = int(overlap[index].argmax())
        if overlap[index, best] >= OVERLAP:
            correct[index] = True
            overlap[:, best] = -1.0
    return correct


class WeightedAveragePrecision:
    """Average precision of one class, as a function of how often each image counts.

    Args:
        found: the detections in all images.
        truths: number of true boxes in each image, (N,).
    """

    def __init__(self, found: Detections, truths: NDArray[np.float64]) -> None:
        self._truths = truths
        order = np.argsort(-found.score, kind="stable")
        image, correct = found.image[order], found.correct[order]
        before = correct.cumsum() - correct  # number of correct boxes before each box
        useful = before < correct.sum()  # after the last correct box, recall does not change
        ones = np.ones(int(useful.sum()))
        shape = int(correct.sum()), len(truths)
        self._correct = image[correct]  # (T,): the image of each correct box, most certain first
        # (T, N): for each correct box, how many boxes of each image come after the correct box before it, up to and
        # including this box.
        self._since_last = csr_array((ones, (before[useful], image[useful])), shape)

    def __call__(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Average precision (R,) for each row of `weights` (R, N); NaN if no image with a true box has weight."""
        correct = weights.T[self._correct]  # (T, R)
        precision = correct.cumsum(axis=0) / np.maximum((self._since_last @ weights.T).cumsum(axis=0), 1e-12)
        interpolated = np.maximum.accumulate(precision[::-1])[::-1]
        truths = weights @ self._truths
        average = np.full(len(weights), np.nan)
        np.divide((correct * interpolated).sum(axis=0), truths, out=average, where=truths > 0)
        return average
