"""Boxes and keypoints in YOLO text files, one file for each image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.labels.boxes import BOXES, KEYPOINTS, BoxLabel, KeypointLabel, Objects, box_array, listed
from simgan.labels.contents import FolderContents, read_text
from simgan.labels.label import Found
from simgan.labels.names import pair_by_path
from simgan.labels.yolo_names import YoloNames, find_names

_SAMPLE = 8  # files in which boxes are looked for. Ours.
_FAR_OUT = 2.0  # larger numbers are px, not fractions of the image. Ours: boxes may extend a little beyond it.


def find_yolo(contents: FolderContents) -> Found:
    """The label `boxes`, and perhaps `keypoints`, if images have YOLO text files."""
    texts = [name for name in contents.others if name.lower().endswith(".txt")]
    files = pair_by_path(contents.names, texts)
    if not files:
        return Found()
    names = list(dict.fromkeys(files.values()))
    sample = names[:: max(1, len(names) // _SAMPLE)][:_SAMPLE]
    lines = [line.split() for name in sample for line in read_text(contents.root / name).splitlines() if line.strip()]
    if not lines or 2 * sum(map(_may_be_yolo, lines)) < len(lines):
        return Found(
            notes=(f"{len(names)} text file(s), such as {names[0]!r}, are not YOLO labels, so they are not read",)
        )
    classes, notes = find_names(contents)
    reader = YoloFiles(contents, files, classes)
    missing = len(contents.names) - len(files)
    note = f"label {BOXES!r}: {len(names)} YOLO text files, such as {names[0]!r}, {listed(classes.classes)}"
    note += f" from {classes.file!r}" if classes.classes else ""
    note += f"; {missing} image(s) have no such file, and so no boxes" if missing else ""
    found: dict[str, BoxLabel | KeypointLabel] = {BOXES: BoxLabel(reader)}
    if classes.points:
        found[KEYPOINTS] = KeypointLabel(reader, f"{contents.root}: YOLO text files")
        notes += (f"label {KEYPOINTS!r}: keypoints of YOLO text files, of the largest object in each image",)
    elif any(len(fields) > 5 for fields in lines):
        notes += (
            "lines of YOLO text files have more than 5 numbers, which are read as outlines of objects, each with a "
            "box around it; if they are keypoints, give kpt_shape in data.yaml",
        )
    used = frozenset(names) | ({classes.file} if classes.file else frozenset())
    return Found(found, (note, *notes), used)


def _may_be_yolo(fields: Sequence[str]) -> bool:
    """Whether a line is a class number and at least four numbers."""
    try:
        return (
            len(fields) >= 5
            and fields[0].isascii()
            and fields[0].isdigit()
            and all(np.isfinite(float(field)) for field in fields[1:])
        )
    except ValueError:
        return False


class YoloFiles:
    """The YOLO file of each image; an image without a file has no objects."""

    def __init__(self, contents: FolderContents, files: Mapping[int, str], names: YoloNames) -> None:
        self._contents, self._files, self._names = contents, files, names

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; () if unknown."""
        return self._names.classes

    def objects(self, indices: Sequence[int]) -> list[Objects]:
        """The objects of each image."""
        return [self._objects(index) for index in indices]

    def _objects(self, index: int) -> Objects:
        if index not in self._files:
            return Objects(box_array([], self._contents.names[index]))
        path = self._contents.root / self._files[index]
        height, width = self._contents.size(index)
        scale = np.array([width, height])
        rows, points = [], []
        for number, line in enumerate(read_text(path).splitlines()):
            if not line.strip():
                continue
            where = f"{path}, line {number + 1}"
            class_index, fractions = self._fields(line.split(), where)
            lower, upper, of_object = self._corners(fractions, where)
            rows.append((*(lower * scale), *((upper - lower) * scale), class_index))
            if of_object is not None:
                points.append((float(np.prod(upper - lower)), of_object * scale))
        largest = max(points, key=lambda one: one[0])[1] if points else None
        return Objects(box_array(rows, str(path)), largest)

    def _fields(self, fields: Sequence[str], where: str) -> tuple[int, NDArray[np.float64]]:
        """The class number and the other numbers of a line."""
        if not _may_be_yolo(fields) or len(fields[0]) > 6:
            raise DataError(
                f"{where}: expected 'class x y width height' in fractions of the image, received "
                f"{' '.join(fields)[:60]!r}; mend or remove the line"
            )
        class_index, values = int(fields[0]), np.array(fields[1:], np.float64)
        if self.classes and class_index >= len(self.classes):
            raise DataError(
                f"{where}: expected a class number below {len(self.classes)}, the number of names in "
                f"{self._names.file!r}, received {class_index}; mend the file or the names"
            )
        return class_index, values

    def _corners(
        self, values: NDArray[np.float64], where: str
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None]:
        """The upper left and lower right corner of a box, and keypoints (P, 2) or None, in fractions of the image."""
        if np.abs(values[:4]).max() > _FAR_OUT:
            raise DataError(
                f"{where}: expected fractions of the image, from 0 to 1, received {np.abs(values[:4]).max():g}; "
                "divide x and width by the width of the image, y and height by its height"
            )
        if self._names.points:
            count, each = self._names.points
            if len(values) != 4 + count * each:
                raise DataError(
                    f"{where}: expected a box and {count} keypoints of {each} numbers, as kpt_shape in "
                    f"{self._names.file!r} says, received {len(values)} numbers after the class; mend the line"
                )
            return (*_around(values), _keypoints(values[4:].reshape(count, each)))
        if len(values) == 4:
            return (*_around(values), None)
        if len(values) % 2 or len(values) < 6:
            raise DataError(
                f"{where}: expected 'class x y width height' or 'class x1 y1 x2 y2 x3 y3 ...', received "
                f"{len(values)} numbers after the class; if the last is the confidence of a prediction, remove it"
            )
        outline = values.reshape(-1, 2)
        return outline.min(axis=0), outline.max(axis=0), None


def _around(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The upper left and lower right corner of a box with centre `values[:2]` and size `values[2:4]`."""
    return values[:2] - values[2:4] / 2, values[:2] + values[2:4] / 2


def _keypoints(points: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """(P, 2) from points (P, 2), or (P, 3) with visibility: NaN where a point is missing; None if all are missing."""
    missing = points[:, 2] == 0 if points.shape[1] == 3 else (points == 0).all(axis=1)
    found = points[:, :2].copy()
    found[missing] = np.nan
    return None if missing.all() else found
