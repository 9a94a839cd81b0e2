"""Finds the images of an HDF5 file: beside each other in one group, or at the paths that match a glob."""

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

# Largest number of groups and arrays of many images that may match a glob. Ours.
MAX_PLACES = 1000
# Largest number of names that are compared with a glob. Ours.
MAX_COMPARED = 2 * 10**6
_PROBED = 1000  # data sets that are opened to see whether a group holds images


@dataclass
class FoundImages:
    """The members of one group: data sets that are images, other data sets and links (`rest`), and groups."""

    images: PackedNames = field(default_factory=PackedNames)
    rest: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)


def looks_like_one_image(shape: tuple[int, ...]) -> bool:
    """Whether a data set of this shape is more likely one image than a label or many images."""
    return len(shape) in (2, 3) and shape[2:] in ((), (1,), (3,), (4,)) and min(shape[:2]) >= LEAST_SIDE


def find_images_in(group: h5py.Group, *, sure: bool) -> FoundImages | None:
    """The images among the data sets of `group`: those with the shape of one image and their most common type.

    `sure`: whether the user says that the data sets are images. Otherwise they must look like images, not like tables.
    Returns None if there are no images.
    """
    names = names_in(group)
    probed = [_describe(group, names.encoded(index)) for index in evenly_spaced(len(names), _PROBED)]
    sets = [member for member in probed if isinstance(member, tuple)]
    seen = [member for member in sets if _is_image(member)]
    if sure and not seen:  # the channels are first, or the images are tiny
        seen = [(dtype, shape) for dtype, shape in sets if _may_be_one_image(shape) and _holds_pixels(dtype)]
    if not seen:
        return None
    dtype, count = Counter(dtype for dtype, _ in seen).most_common(1)[0]
    shapes = {shape for type_, shape in seen if type_ == dtype}
    # Tables of numbers have two axes as well, but several tables in one group seldom have one type and one shape.
    of_one_kind = 2 * count > len(seen) and (dtype.kind == "u" or len(shapes) == 1)
    stacks = any(len(shape) >= 3 and not looks_like_one_image(shape) for _, shape in sets)
    if not sure and (stacks or count < 2 or not of_one_kind):
        return None
    found = FoundImages()
    for index in range(len(names)):
        name = names.encoded(index)
        member = _describe(group, name)
        fits = (
            isinstance(member, tuple)
            and member[0] == dtype
            and (_is_image(member) or (sure and _may_be_one_image(member[1])))
        )
        if fits or member == "damaged":  # reading the image raises the error
            found.images.append(name)
        elif member == "group":
            found.groups.append(names[index])
        else:
            found.rest.append(names[index])
    return found


def _may_be_one_image(shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 or (len(shape) == 3 and bool({shape[0], shape[2]} & {1, 3, 4}))


def _holds_pixels(dtype: np.dtype[Any]) -> bool:
    return dtype.fields is None and dtype.newbyteorder("=").name in DTYPES


def _is_image(member: tuple[np.dtype[Any], tuple[int, ...]]) -> bool:
    return looks_like_one_image(member[1]) and _holds_pixels(member[0])


def _describe(group: h5py.Group, name: bytes) -> tuple[np.dtype[Any], tuple[int, ...]] | str:
    """Type and shape of the data set `name`; for another member 'link', 'group', 'type' or 'damaged'."""
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
    """Whether `key` contains a wildcard: *, ? or [."""
    return any(character in key for character in "*?[")


class GlobSearch:
    """Finds the groups and data sets whose path in the file matches the glob `key`. A star does not match a slash.

    Links are not followed. `paths` are the paths of what was found. `groups_without_match` are the groups that match
    all of `key` but its last name, and hold no match of that name. Raises DataError if too many names must be
    compared.
    """

    def __init__(self, file: h5py.File, key: str, path: Path) -> None:
        self.paths = PackedNames()
        self.groups_without_match: list[str] = []
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
                self.groups_without_match.append(b"/".join(names).decode("utf-8", "surrogateescape"))
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
