"""The task `detection`: boxes with classes, scored by average precision at an overlap of 0.5 (AP50)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from simgan.tasks.average_precision import Detections, WeightedAveragePrecision, correct_boxes
from simgan.tasks.boxes import as_boxes
from simgan.tasks.dense_networks import DETECTED_SIDE, STRIDE, detection_network, shrink_factor
from simgan.tasks.networks import Network
from simgan.tasks.task import ErrorOfSet, TaskName, mean_of_classes

_MOST = 100  # largest number of boxes found in an image; the most certain are kept, as in COCO
_LEAST = 0.01  # least score of a box that counts as found
_SPREAD = 0.09  # standard deviation of a peak, as a share of the box's side (Liu et al., arXiv:1909.00700, 0.54 / 6)
_LEAST_SPREAD = 0.5  # cells


@dataclass(frozen=True)
class Detection:
    """Boxes of each image, (N,) arrays (K, 5): x and y of the upper left corner, width, height in px, and class.

    Learnt as in CenterNet (Zhou et al., arXiv:1904.07850): a map for each class has peaks at the centres of boxes. At
    each centre, four more maps hold its place in its cell, and the logarithms of the box's width and height in cells.
    """

    classes: tuple[int, ...]
    size: tuple[int, int]
    name: TaskName = "detection"
    unit: str = "1 - AP50"
    thresholds: tuple[float, ...] = ()
    standardised: bool = False
    batch_size: int = 32
    learning_rate: float = 2e-3  # ours: docs/evaluation.md
    network: Network = detection_network

    @property
    def outputs(self) -> int:
        """Number of maps: one for each class, two for the place and two for the size."""
        return len(self.classes) + 4

    @property
    def _cell(self) -> int:
        """Distance, in px of the images, from one cell of the maps to the next."""
        return STRIDE * shrink_factor(*self.size, DETECTED_SIDE)

    @property
    def _cells(self) -> tuple[int, int]:
        """(h, w), the size of the maps. Averaging and the two convolutions of stride 2 round up."""
        height, width = (-(-side // self._cell) for side in self.size)
        return height, width

    def targets(self, labels: NDArray[Any]) -> NDArray[np.float16]:
        """Maps (N, C + 5, h, w): peaks (C), place (2), size (2), and a map that is 1 at centres.

        Boxes of classes that are not learnt are left out.
        """
        height, width = self._cells
        maps = np.zeros((len(labels), self.outputs + 1, height, width), np.float32)
        rows, columns = np.arange(height)[:, None], np.arange(width)
        for of_image, boxes in zip(maps, as_boxes(labels), strict=True):
            for x, y, *sides, number in boxes[np.argsort(-boxes[:, 2:4].prod(axis=1))] / [*[self._cell] * 4, 1]:
                if number not in self.classes:
                    continue
                centre = x + sides[0] / 2, y + sides[1] / 2
                column, row = (int(np.clip(at, 0, most - 1)) for at, most in zip(centre, (width, height), strict=True))
                spread = [max(_SPREAD * side, _LEAST_SPREAD) for side in sides]
                peak = np.exp(-(((columns - column) / spread[0]) ** 2 + ((rows - row) / spread[1]) ** 2) / 2)
                of_class = of_image[self.classes.index(int(number))]
                np.maximum(of_class, peak, out=of_class)
                of_image[-5:, row, column] = centre[0] - column, centre[1] - row, *np.log(sides), 1
        return maps.astype(np.float16)

    def loss(self, outputs: Any, targets: Any) -> Any:
        """Focal loss of the peaks plus absolute errors of place and size at centres, both divided by the box count."""
        classes = len(self.classes)
        logits, wanted, at_centres = outputs[:, :classes], targets[:, :classes], targets[:, -1:]
        boxes = ops.maximum(ops.sum(at_centres), 1.0)
        wrong = ops.sum(at_centres * ops.abs(outputs[:, classes:] - targets[:, classes:-1]))
        return (focal_loss(logits, wanted) + wrong) / boxes

    def errors(self, outputs: NDArray[np.float32], labels: NDArray[Any]) -> NDArray[np.float64]:
        """The boxes found in each image, and the numbers of true boxes: (N, 3 * 100 + C).

        Three times 100 numbers describe up to 100 boxes that were found: their scores (0: no box), their positions in
        `classes`, and whether each is correct (0 or 1). C numbers follow: how many true boxes each class has.
        """
        rows = np.zeros((len(outputs), 3, _MOST))
        truths = np.zeros((len(outputs), len(self.classes)))
        for index, (of_image, boxes) in enumerate(zip(outputs, as_boxes(labels), strict=True)):
            found = self.boxes_in(of_image)
            rows[index, 0, : len(found)] = found[:, 4]
            rows[index, 1, : len(found)] = found[:, 5]
            for position, one in enumerate(self.classes):
                of_class, true = found[:, 5] == position, boxes[boxes[:, 4] == one, :4]
                rows[index, 2, : len(found)][of_class] = correct_boxes(found[of_class, :4], true)
                truths[index, position] = len(true)
        return np.concatenate([rows.reshape(len(rows), -1), truths], axis=1)

    def boxes_in(self, outputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """Decodes the outputs (C + 4, h, w) for one image to boxes (D, 6), most certain first.

        A box is x, y, width and height in px, score from 0 to 1, and position in `classes`.
        """
        logits = outputs[: len(self.classes)].astype(np.float64)
        peaks = np.where(logits == maximum_filter(logits, size=(1, 3, 3), mode="nearest"), logits, -np.inf)
        best = np.argsort(-peaks, axis=None, kind="stable")[:_MOST]
        scores = 1 / (1 + np.exp(-peaks.ravel()[best].clip(-50)))
        best, scores = best[scores >= _LEAST], scores[scores >= _LEAST]
        position, row, column = np.unravel_index(best, peaks.shape)
        place_x, place_y, *sizes = outputs[-4:, row, column].astype(np.float64)
        width, height = (np.exp(np.clip(size, -5, 10)) for size in sizes)
        corner_x, corner_y = column + place_x - width / 2, row + place_y - height / 2
        boxes = np.stack([corner_x, corner_y, width, height], axis=1) * self._cell
        return np.concatenate([boxes, scores[:, None], position[:, None]], axis=1)

    def error_of_set(self, errors: NDArray[np.float64]) -> ErrorOfSet:
        """1 - AP50: the mean over classes of average precision. Classes without true boxes are left out."""
        rows, truths = errors[:, : 3 * _MOST].reshape(-1, 3, _MOST), errors[:, 3 * _MOST :]
        image, slot = np.nonzero(rows[:, 0])
        scores, positions, correct = rows[image, :, slot].T
        of_classes = []
        for position in range(len(self.classes)):
            is_of_class = positions == position
            found = Detections(image[is_of_class], scores[is_of_class], correct[is_of_class].astype(bool))
            of_classes.append(WeightedAveragePrecision(found, truths[:, position]))

        def one_minus_mean(weights: NDArray[np.float64]) -> NDArray[np.float64]:
            return 1.0 - mean_of_classes(np.stack([of_class(weights) for of_class in of_classes], axis=1))

        return one_minus_mean


def focal_loss(logits: Any, wanted: Any) -> Any:
    """Sum of -(1 - p)^2 log p at peaks, where Y is 1, and of -(1 - Y)^4 p^2 log(1 - p) elsewhere (CenterNet, eq. 1).

    `logits`: (B, C, h, w); p is their sigmoid. `wanted`: Y, in [0, 1].
    """
    p = ops.sigmoid(logits)
    at_peaks = (1 - p) ** 2 * ops.softplus(-logits)
    elsewhere = (1 - wanted) ** 4 * p**2 * ops.softplus(logits)
    return ops.sum(ops.where(wanted == 1.0, at_peaks, elsewhere))
