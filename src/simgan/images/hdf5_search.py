"""Where the images of an HDF5 file may be: beside each other in one group, or at the paths that a glob fits."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from simgan.errors import DataError
from simgan.images.arrays import DTYPES, LEAST_SIDE
from simgan.images.hdf5_file import H5_ERRORS, encoded, is_hard, names_in
from simgan.images.names import PackedNames
from simgan.images.sampling import evenly_spaced

# Of the places that a glob fits: each is a group, or an array of many images. Ours.
MAX_PLACES = 1000
# Names that are compared with a glob. Ours.
MAX_COMPARED = 2 * 10**6
_PROBED = 1000  # data sets that are opened to see whether a group holds images


@dataclass
class Beside:
    """The data sets of one group that are images, and the names of the data sets and links that are not."""

    images: PackedNames = field(default_factory=PackedNames)
    rest: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)


def looks_like_one_image(shape: tuple[int, ...]) -> bool:
    """Whether a data set of this shape is more likely one image than a label or many images."""
    return len(shape) in (2, 3) and shape[2:] in ((), (1,), (3,), (4,)) and min(shape[:2]) >= LEAST_SIDE


def images_beside(group: h5py.Group, *, sure: bool) -> Beside | None:
    """The images among the data sets of `group`: those that look like one image, of the type that most of them have.

    None if they do not look like images. `sure`: the user says that they are.
    """
    names = names_in(group)
    probed = [_look(group, names.encoded(index)) for index in evenly_spaced(len(names), _PROBED)]
    sets = [look for look in probed if isinstance(look, tuple)]
    seen = [look for look in sets if _is_image(look)]
    if sure and not seen:  # channels first, or tiny
        seen = [(dtype, shape) for dtype, shape in sets if _may_be_one_image(shape) and _holds_pixels(dtype)]
    if not seen:
        return None
    dtype, count = Counter(dtype for dtype, _ in seen).most_common(1)[0]
    shapes = {shape for its, shape in seen if its == dtype}
    # Tables of numbers beside each other have the axes of images, but hardly so many have one type and one shape.
    of_one_kind = 2 * count > len(seen) and (dtype.kind == "u" or len(shapes) == 1)
    stacks = any(len(shape) >= 3 and not looks_like_one_image(shape) for _, shape in sets)
    if not sure and (stacks or count < 2 or not of_one_kind):
        return None
    found = Beside()
    for index in range(len(names)):
        name = names.encoded(index)
        look = _look(group, name)
        fits = (
            isinstance(look, tuple) and look[0] == dtype and (_is_image(look) or (sure and _may_be_one_image(look[1])))
        )
        if fits or look == "damaged":  # the error comes when it is read
            found.images.append(name)
        elif look == "group":
            found.groups.append(names[index])
        else:
            found.rest.append(names[index])
    return found


def _may_be_one_image(shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 or (len(shape) == 3 and bool({shape[0], shape[2]} & {1, 3, 4}))


def _holds_pixels(dtype: np.dtype[Any]) -> bool:
    return dtype.fields is None and dtype.newbyteorder("=").name in DTYPES


def _is_image(look: tuple[np.dtype[Any], tuple[int, ...]]) -> bool:
    return looks_like_one_image(look[1]) and _holds_pixels(look[0])


def _look(group: h5py.Group, name: bytes) -> tuple[np.dtype[Any], tuple[int, ...]] | str:
    """Type and shape of the data set `name`, or what it is otherwise."""
    try:
        if not name or not is_hard(group, name):
            return "link"
        kind = h5py.h5o.get_info(group.id, name).type
        if kind != h5py.h5o.TYPE_DATASET:
            return "group" if kind == h5py.h5o.TYPE_GROUP else "type"
        dataset = h5py.h5d.open(group.id, name)
        return dataset.dtype, dataset.shape or ()
    except H5_ERRORS:
        return "damaged"


def is_glob(key: str) -> bool:
    """Whether `key` has a character that stands for others."""
    return any(character in key for character in "*?[")


class GlobSearch:
    """Finds the groups and data sets whose path in the file fits the glob `key`: a star is any name, never a slash.

    Links are not followed. `paths` lead from the root to what was found; `without` are the groups that fit all of
    `key` but its last name. DataError if there is too much to look through.
    """

    def __init__(self, file: h5py.File, key: str, path: Path) -> None:
        self.paths = PackedNames()
        self.without: list[str] = []
        self._key, self._path = key, path
        self._compared = 0
        self._search(file["/"], [], key.strip("/").split("/"))

    def _search(self, group: h5py.Group, names: list[bytes], patterns: list[str]) -> None:
        pattern, *below = patterns
        fitting = self._fitting(group, pattern)
        if not below:
            for name in fitting:
                self.paths.append(b"/".join([*names, name]))
            if not fitting:
                self.without.append(b"/".join(names).decode("utf-8", "surrogateescape"))
            return
        for name in fitting:
            node = group[name]
            if isinstance(node, h5py.Group):
                self._search(node, [*names, name], below)

    def _fitting(self, group: h5py.Group, pattern: str) -> list[bytes]:
        self._compared += len(group) if is_glob(pattern) else 1
        if self._compared > MAX_COMPARED:  # groups may hold each other in a circle
            raise DataError(
                f"{self._path}: expected a key that is compared with at most {MAX_COMPARED} names, received "
                f"{self._key!r}; write out more of the path"
            )
        if is_glob(pattern):
            names = [encoded(name) for name in names_in(group) if fnmatchcase(name, pattern)]
        else:
            names = [encoded(pattern)] if group.id.links.exists(encoded(pattern)) else []
        return [name for name in names if name and is_hard(group, name)]
