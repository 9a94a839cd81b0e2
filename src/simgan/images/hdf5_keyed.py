"""HDF5 with one data set per image: all in one group (the Kaggle eye-gaze layout), or each in a group of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.images.arrays import as_image, check_bytes, check_dtype, check_layout, check_shape, check_size
from simgan.images.hdf5_file import encoded, has_hard, is_hard, linked, names_in, open_one, read_one, reading
from simgan.images.hdf5_source import Hdf5Source
from simgan.images.known_sizes import KnownSizes
from simgan.images.names import PackedNames
from simgan.images.sampling import evenly_spaced
from simgan.settings.choices import Layout

# Labels that are read before they are stacked: millions of small arrays would take many times the memory of their
# values.
LABEL_BLOCK = 4096
_PROBES = 16  # images that are searched for a label


class KeyedHdf5(Hdf5Source):
    """A group with one (H, W) or (H, W, C) data set per image; its sibling groups with the same keys are labels.

    `parent` may be `group` itself. Then the images are beside the groups of labels, and `names` are their names.
    """

    names: PackedNames
    kind_in_words = "HDF5, one data set per image"

    def __init__(
        self,
        path: Path,
        file: h5py.File,
        parent: h5py.Group,
        group: h5py.Group,
        others: list[str],
        names: PackedNames | None = None,
    ) -> None:
        names = names_in(group) if names is None else names
        if not names:
            raise DataError(f"{path}: expected images in group {group.name!r}, received none; add some or use key=")
        super().__init__(path, self.kind_in_words, file, parent, group.name, names, [])
        self._group = group
        self._sizes = KnownSizes(len(self))
        self.label_names = tuple(other for other in others if self._has_label(other))

    def place(self, top: h5py.Group, index: int) -> tuple[h5py.Group, bytes]:
        """The group that holds image `index`, and the name of the image in that group.

        `top` is the group at `location`, in this file or in a copy of it.
        """
        return top, self.names.encoded(index)

    def label_places_of(self, top: h5py.Group, index: int) -> Iterator[tuple[h5py.Group, bytes]]:
        """As `place`, for each label of image `index`, whether the label exists or not."""
        parent = top if self._parent == self._group else top.parent
        for name in self.label_names:
            yield parent[encoded(name)], self.names.encoded(index)

    def use_layout(self, layout: Layout | None) -> None:
        try:
            with reading(self.where(0)):
                shape = self._opened(0, self.where(0))[1]
        except DataError:  # reading the image raises this error again, or lists the image
            return
        if len(shape) == 3 or layout == "nchw":
            check_layout((len(self), *shape), layout, f"{self.path}: {self.location!r}")

    def _opened(self, index: int, where: str) -> tuple[h5py.h5d.DatasetID, tuple[int, ...]]:
        """Opens the data set of image `index` and checks it, without reading values. Returns it and its shape."""
        dataset = open_one(*self.place(self._group, index), where)
        shape = dataset.shape or ()
        check_dtype(dataset.dtype, where)
        check_shape(shape, where)
        check_size(shape, dataset.dtype, where)
        return dataset, shape

    def stored(self, index: int) -> NDArray[Any]:
        where = self.where(index)
        with reading(where):
            image = read_one(*self._opened(index, where))
            image = np.moveaxis(image, 0, -1) if self.layout == "nchw" else image
            return self._sizes.note(index, as_image(image, where))

    def size(self, index: int) -> tuple[int, int]:
        known = self._sizes.of(index)
        if known is not None:
            return known
        where = self.where(index)
        with reading(where):
            shape = self._opened(index, where)[1]
            height, width = shape[1:] if self.layout == "nchw" else shape[:2]
        return int(height), int(width)

    def _labels(self, name: str) -> NDArray[Any]:
        whole = f"{self.path}: label {self.shown_label(name)!r}"
        with reading(whole):
            place = self._label_finder(name)
        firsts: dict[tuple[int, ...], str] = {}
        blocks = []
        for start in range(0, len(self), LABEL_BLOCK):
            values = []
            for index in range(start, min(start + LABEL_BLOCK, len(self))):
                where = f"{self.path}: label {self._named_label(name, index)}"
                with reading(where):
                    values.append(self._label(open_one(*place(index), where), name, where))
                # The labels of all images must fit: each text takes as much memory as the longest.
                check_bytes(values[-1].nbytes * len(self), whole)
                firsts.setdefault(values[-1].shape, self.names[index])
            if len(firsts) > 1:
                listed = ", ".join(f"{shape} for {key!r}" for shape, key in list(firsts.items())[:2])
                raise DataError(f"{whole}: expected values of one shape, received {listed}; mend them")
            with reading(whole):  # there may be too little memory for a second copy
                blocks.append(np.stack(values))
        with reading(whole):
            return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def _has_label(self, name: str) -> bool:
        """Whether any image of a sample has the label `name`. Reading the label checks that every image has it."""
        if not has_hard(self._parent, name, h5py.Group):
            return False
        group = self._parent[encoded(name)]
        # Not `name in group`: that follows links, which may lead to another file.
        return any(group.id.links.exists(self.names.encoded(index)) for index in evenly_spaced(len(self), _PROBES))

    def _named_label(self, name: str, index: int) -> str:
        return f"{self.shown_label(name)}/{self.names[index]}"

    def _label_finder(self, name: str) -> Callable[[int], tuple[h5py.Group, bytes]]:
        """A function from the index of an image to the group of its label, and the name of the label in that group.

        Raises DataError unless every image has the label.
        """
        group = self._parent[encoded(name)]
        held = names_in(group)
        if held != self.names:
            known = set(held)
            self._check_missing(name, [key for key in self.names if key not in known])
        return lambda index: (group, self.names.encoded(index))

    def _check_missing(self, name: str, missing: list[str]) -> None:
        if missing:
            raise DataError(
                f"{self.path}: expected a label {self.shown_label(name)!r} for each of {len(self)} images, received "
                f"none for {len(missing)}, the first {missing[0]!r}; add them, or remove these images or this label"
            )


class ScatteredHdf5(KeyedHdf5):
    """One data set per image, each somewhere below `top`. Data sets beside an image, in its own group, are its labels.

    `paths` are the paths from `top` to the images. `own_groups` says that each image has a group of its own; otherwise
    there are no labels.
    """

    kind_in_words = "HDF5, a group per image"

    def __init__(self, path: Path, file: h5py.File, top: h5py.Group, paths: PackedNames, *, own_groups: bool) -> None:
        others: list[str] = []
        if own_groups:
            for index in evenly_spaced(len(paths), _PROBES):
                group, image = _follow(top, paths.encoded(index))
                beside = (name for name in names_in(group) if encoded(name) != image and name not in others)
                others += [name for name in beside if has_hard(group, name, h5py.Dataset)]
        super().__init__(path, file, top, top, others, paths)

    def place(self, top: h5py.Group, index: int) -> tuple[h5py.Group, bytes]:
        return _follow(top, self.names.encoded(index))

    def label_places_of(self, top: h5py.Group, index: int) -> Iterator[tuple[h5py.Group, bytes]]:
        group = self.place(top, index)[0]
        for name in self.label_names:
            yield group, encoded(name)

    def label_places(self, name: str) -> list[str]:
        return [f"/{path.rpartition('/')[0]}/{name}" for path in self.names]

    def _has_label(self, name: str) -> bool:
        return True

    def _named_label(self, name: str, index: int) -> str:
        return f"{self.names[index].rpartition('/')[0]}/{name}"

    def _label_finder(self, name: str) -> Callable[[int], tuple[h5py.Group, bytes]]:
        def place(index: int) -> tuple[h5py.Group, bytes]:
            return self.place(self._group, index)[0], encoded(name)

        missing = []
        for index in range(len(self)):
            group, link = place(index)
            if not group.id.links.exists(link):
                missing.append(self.names[index])
        self._check_missing(name, missing)
        return place


def _follow(top: h5py.Group, path: bytes) -> tuple[h5py.Group, bytes]:
    """The group that contains what `path` names, and the last name of `path`.

    Names are followed one by one, because HDF5 would follow a whole path through links.
    """
    *above, last = path.split(b"/")
    group = top
    for name in above:
        if not is_hard(group, name):
            raise linked(path.decode("utf-8", "surrogateescape"))
        group = h5py.Group(h5py.h5g.open(group.id, name))
    return group, last
