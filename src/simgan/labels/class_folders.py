"""Classes by folder name: every image lies in the folder of its class."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.labels.contents import FolderContents
from simgan.labels.label import Found

NAME = "class"
# Folder names that are not classes: parts of a data set, kinds of files, and views.
_NO_CLASSES = frozenset(
    re.findall(
        r"\w+",
        """train training val valid validation test testing dev eval images image imgs img jpegimages photos photo rgb
    renders render frames frame left right synthetic real refined a b""",
    )
)
_NUMBERED = re.compile(r"(.*?)[\W_]*\d+$")  # 'person01', 'seq_3': a series of recordings
# Numbered folders whose names begin with one of these words are classes all the same: 'class_3', or '3' alone.
_CLASS_WORDS = frozenset(("", "class", "cls", "label", "category", "cat", "digit"))
_SHOWN = 5


@dataclass(frozen=True)
class FolderClasses:
    """The class of each image: the name of a folder in the path of the image. `level`: which one; 0 is the first."""

    contents: FolderContents
    level: int
    classes: tuple[str, ...] = ()

    def read(self, indices: Sequence[int]) -> NDArray[Any]:
        """(N,) names of classes."""
        return np.array([self.contents.names[index].split("/")[self.level] for index in indices], np.str_)


def find_class_folders(contents: FolderContents) -> Found:
    """The label `class`, if all images have equally deep paths and the folders of one level look like classes."""
    depth = contents.names[0].count("/")
    if depth == 0 or any(name.count("/") != depth for name in contents.names):
        return Found()
    levels: list[dict[str, int]] = [{} for _ in range(depth)]  # for each level, how many images each folder holds
    for name in contents.names:
        for level, folder in zip(levels, name.split("/"), strict=False):
            level[folder] = level.get(folder, 0) + 1
    varying = [number for number, level in enumerate(levels) if len(level) > 1 and not _is_split(level)]
    if len(varying) != 1 or not _look_like_classes(levels[varying[0]], len(contents.names)):
        return Found()
    folders = sorted(levels[varying[0]])
    listed = ", ".join(map(repr, folders[:_SHOWN])) + (", ..." if len(folders) > _SHOWN else "")
    note = f"label {NAME!r}: the names of the {len(folders)} folders that hold the images are the classes ({listed})"
    return Found({NAME: FolderClasses(contents, varying[0])}, (note,))


def _is_split(level: dict[str, int]) -> bool:
    """Whether all folders name parts of a data set, such as 'train' and 'test', or kinds of images."""
    return all(folder.lower() in _NO_CLASSES for folder in level)


def _look_like_classes(level: dict[str, int], images: int) -> bool:
    """Whether folders may be classes: they hold two images or more on average, and are no series: 'seq1', 'seq2'."""
    if any(folder.lower() in _NO_CLASSES for folder in level) or 2 * len(level) > images:
        return False
    series = {match[1].lower() if (match := _NUMBERED.match(folder)) else None for folder in level}
    return len(series) > 1 or series <= {None, *_CLASS_WORDS}
