"""The labels `boxes` and `keypoints`, whose values come from a reader of COCO, YOLO or Pascal VOC files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError

BOXES, KEYPOINTS = "boxes", "keypoints"
_MOST_OBJECTS = 100_000  # in one image. Ours: far more than images have.
SHOWN = 6  # number of classes that a note lists


class Objects(NamedTuple):
    """The objects of one image."""

    boxes: NDArray[np.float64]
    """(K, 5), with the columns of `Box`."""
    keypoints: NDArray[np.float64] | None = None
    """(P, 2): x and y in px of each keypoint of the largest object that has keypoints, NaN where a point is missing.
    None if no object has keypoints."""


class ObjectReader(Protocol):
    """Reads the objects of images from the label files of one format."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes by index; () if they are unknown."""

    def objects(self, indices: Sequence[int]) -> list[Objects]:
        """The objects of the images at `indices`. Raises DataError if a file is damaged or an image not labelled."""


@dataclass(frozen=True)
class BoxLabel:
    """The label `boxes`."""

    reader: ObjectReader

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes by index."""
        return self.reader.classes

    def read(self, indices: Sequence[int]) -> NDArray[np.object_]:
        """(N,) objects, each a (K, 5) array; see `Box`."""
        array = np.empty(len(indices), object)
        for place, one in enumerate(self.reader.objects(indices)):
            array[place] = one.boxes
        return array


@dataclass(frozen=True)
class KeypointLabel:
    """The label `keypoints`: in each image, the keypoints of the largest object that has keypoints."""

    reader: ObjectReader
    where: str
    """The file or folder that errors name."""
    classes: tuple[str, ...] = ()

    def read(self, indices: Sequence[int]) -> NDArray[np.float64]:
        """(N, P, 2), x and y in px, NaN where a point is missing. Raises DataError if P differs between images."""
        found = [one.keypoints for one in self.reader.objects(indices)]
        counts = {len(points) for points in found if points is not None}
        if len(counts) != 1:
            received = f"objects with {', '.join(map(str, sorted(counts)))}" if counts else "none in any image"
            raise DataError(
                f"{self.where}: expected the same number of keypoints for each object, received {received}; keep the "
                "keypoints of one category"
            )
        array = np.full((len(indices), counts.pop(), 2), np.nan)
        for place, points in enumerate(found):
            if points is not None:
                array[place] = points
        return array


def box_array(rows: Sequence[Sequence[float]], where: str) -> NDArray[np.float64]:
    """Rows (x, y, width, height, class index) as (K, 5). Raises DataError if a row is not a box."""
    if len(rows) > _MOST_OBJECTS:
        raise DataError(
            f"{where}: expected at most {_MOST_OBJECTS} objects, received {len(rows)}; check how the file was made"
        )
    boxes = np.array(rows, np.float64).reshape(len(rows), 5)
    wrong = ~np.isfinite(boxes).all(axis=1) | (boxes[:, 2:] < 0).any(axis=1)
    if wrong.any():
        first = boxes[int(np.argmax(wrong)), :4]
        raise DataError(
            f"{where}: expected boxes with finite x and y, and width and height of at least 0, received "
            f"{first.tolist()}; mend the box"
        )
    return boxes


def check_image_size(stated: tuple[int, int], actual: tuple[int, int], where: str) -> None:
    """Raises DataError if the size that a label file states is not that of the image. Both sizes are (H, W)."""
    if stated != actual:
        raise DataError(
            f"{where}: expected labels for an image of {actual[0]}x{actual[1]} (height x width), received labels for "
            f"{stated[0]}x{stated[1]}; scale the labels to the size of the image"
        )


def listed(classes: Sequence[str]) -> str:
    """The names of the first classes, for a note."""
    if not classes:
        return "class numbers without names"
    return f"classes {', '.join(map(repr, classes[:SHOWN]))}{', ...' if len(classes) > SHOWN else ''}"
