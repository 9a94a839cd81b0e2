"""Boxes and keypoints in COCO JSON files, each of which describes many images."""

from __future__ import annotations

import mmap
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.labels.boxes import BOXES, KEYPOINTS, BoxLabel, KeypointLabel, Objects, box_array, check_image_size
from simgan.labels.coco_document import Annotation, CocoImage, Document, load
from simgan.labels.contents import FolderContents
from simgan.labels.label import Found

_MOST_FILES = 20  # largest number of JSON files that are searched. Ours: data sets have a few.
_NEEDED = [re.compile(rb'"%s"\s*:\s*\[\s*\{' % key) for key in (b"images", b"annotations")]
_BOX = re.compile(rb'"bbox"\s*:\s*\[')
_POINTS = re.compile(rb'"keypoints"\s*:\s*\[\s*-?\d')


def find_coco(contents: FolderContents) -> Found:
    """The labels `boxes` and `keypoints`, if COCO files are in the folder. The files are not parsed yet."""
    stems = {name.rpartition(".")[0].rpartition("/")[2] for name in contents.names}
    names = [
        name
        for name in contents.others
        if name.lower().endswith(".json") and name.rpartition("/")[2].rpartition(".")[0] not in stems
    ]
    if len(names) > _MOST_FILES:
        return Found(
            notes=(
                f"{len(names)} JSON files are not searched for COCO labels, because they are more than {_MOST_FILES}",
            )
        )
    boxed = [name for name in names if _holds(contents.root / name, *_NEEDED, _BOX)]
    if not boxed:
        empty = [name for name in names if _holds(contents.root / name, _NEEDED[0])]
        return Found(
            notes=tuple(f"{name!r} lists images, but no annotations with boxes, so it is not read" for name in empty)
        )
    boxed.sort(key=lambda name: (not name.rpartition("/")[2].startswith("instances"), name))
    pointed = [name for name in boxed if _holds(contents.root / name, _POINTS)]
    named = ", ".join(map(repr, boxed[:3])) + (", ..." if len(boxed) > 3 else "")
    notes = [f"label {BOXES!r}: the boxes in COCO JSON {named}, without those marked as a crowd (iscrowd)"]
    if len(boxed) > 1:
        notes[0] += "; for an image that several files list, the first of them counts"
    found: dict[str, BoxLabel | KeypointLabel] = {BOXES: BoxLabel(CocoFiles(contents, boxed))}
    if pointed:
        named = ", ".join(map(repr, pointed[:3]))
        notes.append(f"label {KEYPOINTS!r}: the keypoints in COCO JSON {named}, of the largest object in each image")
        found[KEYPOINTS] = KeypointLabel(CocoFiles(contents, pointed), str(contents.root / pointed[0]))
    return Found(found, tuple(notes), frozenset(boxed))


def _holds(path: Path, *patterns: re.Pattern[bytes]) -> bool:
    """Whether a file has a match of each pattern. In files of hundreds of MB this is much faster than parsing."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return all(pattern.search(content) for pattern in patterns)
    except (OSError, ValueError):  # an empty file cannot be mapped
        return False


class CocoFiles:
    """COCO files. They are parsed once, when objects or classes are first requested."""

    def __init__(self, contents: FolderContents, names: Sequence[str]) -> None:
        self._contents, self._names = contents, names

    @cached_property
    def _documents(self) -> list[Document]:
        return [load(self._contents.root / name) for name in self._names]

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of all categories: those of the first file in the order of ids, then new ones of the next."""
        return tuple(dict.fromkeys(name for one in self._documents for _, name in sorted(one.categories.items())))

    @cached_property
    def _of_image(self) -> dict[int, tuple[Document, CocoImage]]:
        """For the index of each image, the first file that lists the image, and the image's entry in that file."""
        entries: dict[int, tuple[Document, CocoImage]] = {}
        for document in self._documents:
            for entry in document.images:
                index = self._contents.index.find(entry.file_name)
                if index is not None:
                    entries.setdefault(index, (document, entry))
        return entries

    def objects(self, indices: Sequence[int]) -> list[Objects]:
        """The objects of each image; an image that is listed without annotations has none."""
        self._contents.require_all(indices, self._of_image, f"an entry in {', '.join(map(repr, self._names[:3]))}")
        return [self._objects(index) for index in indices]

    def _objects(self, index: int) -> Objects:
        document, entry = self._of_image[index]
        where = f"{document.path}, image {entry.file_name!r}"
        if entry.size is not None:
            check_image_size(entry.size, self._contents.size(index), where)
        annotations = [one for one in document.annotations.get(entry.id, []) if not one.crowd]
        numbers = {name: place for place, name in enumerate(self.classes)}
        rows = []
        for one in annotations:
            if one.category not in document.categories:
                raise DataError(
                    f"{where}: expected a category id of the list 'categories', received {one.category}; mend the file"
                )
            rows.append((*one.box, numbers[document.categories[one.category]]))
        return Objects(box_array(rows, where), _keypoints(annotations, where))


def _keypoints(annotations: Sequence[Annotation], where: str) -> NDArray[np.float64] | None:
    """(P, 2) of the largest object that has keypoints, NaN where a point is not labelled; None if no object has."""
    having = [one for one in annotations if any(one.keypoints[2::3])]
    if not having:
        return None
    largest = max(having, key=lambda one: one.box[2] * one.box[3])
    if len(largest.keypoints) % 3:
        raise DataError(
            f"{where}: expected keypoints as x, y, visibility, received {len(largest.keypoints)} numbers; mend "
            "the file"
        )
    points = np.array(largest.keypoints, np.float64).reshape(-1, 3)
    points[points[:, 2] == 0] = np.nan
    return points[:, :2]
