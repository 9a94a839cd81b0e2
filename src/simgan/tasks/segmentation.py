"""The task `segmentation`: a class for each pixel, scored by mean intersection over union."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from simgan.tasks.dense_networks import SEGMENTED_SIDE, segmentation_network, shrink_factor
from simgan.tasks.networks import Network
from simgan.tasks.task import ErrorOfSet, TaskName, mean_of_classes

MOST_CLASSES = 64
_IGNORED, _UNKNOWN = 255, 254  # targets of pixels without a label, and of pixels of a class that is not learnt
_UNLABELLED = 255  # value of pixels without a label in Pascal VOC, Cityscapes and others


@dataclass(frozen=True)
class Segmentation:
    """Masks of class indices, (N, H, W). Negative pixels are ignored, and so is 255 unless 255 is a class.

    The network reads images whose longer side is about 96 px at most, so masks are reduced to that size, by the
    nearest pixel, for training and for the score.
    """

    classes: tuple[int, ...]
    size: tuple[int, int]
    name: TaskName = "segmentation"
    unit: str = "1 - mIoU"
    thresholds: tuple[float, ...] = ()
    standardised: bool = False
    batch_size: int = 16
    learning_rate: float = 2e-3  # ours: docs/evaluation.md
    network: Network = segmentation_network

    @property
    def outputs(self) -> int:
        """One map of logits for each class."""
        return len(self.classes)

    def labelled(self, labels: NDArray[Any]) -> NDArray[np.bool_]:
        """Which pixels have a label; the others are ignored."""
        known = np.asarray(labels >= 0)
        return known if _UNLABELLED in self.classes else known & (labels != _UNLABELLED)

    def reduced(self, labels: NDArray[Any]) -> NDArray[Any]:
        """Masks at the size that the network reads, (N, h, w)."""
        shrink = shrink_factor(*self.size, SEGMENTED_SIDE)
        rows, columns = (nearest_pixels(side, shrink) for side in self.size)
        return np.asarray(labels[:, rows[:, None], columns])

    def targets(self, labels: NDArray[Any]) -> NDArray[np.uint8]:
        """Positions in `classes`, (N, h, w); 254: a class that is not among them; 255: no label."""
        reduced = self.reduced(labels)
        positions = np.full(reduced.shape, _UNKNOWN, np.uint8)
        for position, one in enumerate(self.classes):
            positions[reduced == one] = position
        positions[~self.labelled(reduced)] = _IGNORED
        return positions

    def loss(self, outputs: Any, targets: Any) -> Any:
        """Softmax cross-entropy of logits (B, C, h, w): the mean over the pixels whose class is known."""
        known = targets < self.outputs
        wanted = ops.one_hot(ops.cast(ops.where(known, targets, 0.0), "int32"), self.outputs, axis=1)
        of_pixels = -ops.sum(wanted * ops.log_softmax(outputs, axis=1), axis=1)
        weights = ops.cast(known, "float32")
        return ops.sum(of_pixels * weights) / ops.maximum(ops.sum(weights), 1.0)

    def errors(self, outputs: NDArray[np.float32], labels: NDArray[Any]) -> NDArray[np.float64]:
        """The numbers of pixels in the intersection of found and true pixels, then in their union: (N, 2C).

        Both have one number for each image and class. A pixel whose true class is not learnt counts in the union of
        the class that was found there.
        """
        truth = self.targets(labels)
        found = np.where(truth == _IGNORED, _IGNORED, outputs.argmax(axis=1))
        both = [(found == one) & (truth == one) for one in range(self.outputs)]
        either = [(found == one) | (truth == one) for one in range(self.outputs)]
        return np.stack([pixels.sum(axis=(1, 2)) for pixels in both + either], axis=1).astype(np.float64)

    def error_of_set(self, errors: NDArray[np.float64]) -> ErrorOfSet:
        """1 - mIoU: the mean over classes of intersection / union, each summed over images first (Pascal VOC,
        Cityscapes). Classes that are neither found nor true are left out."""

        def one_minus_mean(weights: NDArray[np.float64]) -> NDArray[np.float64]:
            intersection, union = np.split(weights @ errors, 2, axis=1)  # (R, C)
            share = np.divide(intersection, union, out=np.full_like(union, np.nan), where=union > 0)
            return 1.0 - mean_of_classes(share)

        return one_minus_mean


def resized_masks(masks: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Masks (N, H, W) at `size`, by the nearest pixel, so that they fit images that are resized to `size`."""
    rows, columns = (
        ((np.arange(wanted) + 0.5) * side / wanted).astype(np.int64)
        for wanted, side in zip(size, masks.shape[1:], strict=True)
    )
    return np.asarray(masks[:, rows[:, None], columns])


def nearest_pixels(side: int, shrink: int) -> NDArray[np.int64]:
    """The index of the middle pixel of each group of `shrink` pixels that Keras averages with padding 'same'."""
    groups = -(-side // shrink)
    before = (groups * shrink - side) // 2  # padding; the rest is at the other end
    return np.clip(np.arange(groups) * shrink - before + shrink // 2, 0, side - 1)


def classes_of_masks(masks: NDArray[Any]) -> tuple[int, ...]:
    """The classes of masks (N, H, W): all values that are neither negative nor 255.

    If the only values are 0 and 255, then 255 is a class as well: the object in pictures in black and white.
    """
    found = {int(value) for mask in masks for value in np.unique(mask)}  # mask by mask: sets may be large
    values = sorted(value for value in found if value >= 0)
    labelled = [value for value in values if value != _UNLABELLED]
    return tuple(values if labelled == [0] else labelled)
