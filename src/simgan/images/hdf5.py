"""HDF5: one data set per image in a group (the Kaggle eye-gaze layout), or one N x H x W [x C] data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.images.arrays import (
    Member,
    as_image,
    check_bytes,
    check_dtype,
    check_layout,
    check_shape,
    check_size,
    check_stack,
    choose,
    one_line,
)
from simgan.images.hdf5_file import (
    H5_ERRORS,
    encoded,
    is_hard,
    names_in,
    open_one,
    plain,
    read_label,
    read_one,
    reading,
    with_cache,
)
from simgan.images.hdf5_stack import Hdf5Stack
from simgan.images.hdf5_trial import try_text
from simgan.images.known_sizes import KnownSizes
from simgan.images.names import IndexNames, PackedNames
from simgan.images.sampling import evenly_spaced
from simgan.images.source import ImageSource
from simgan.settings.choices import Layout

# Each is opened to see what it is: this many take a tenth of a second.
MAX_MEMBERS = 1000
# Labels put together at once: millions of small arrays would take many times the memory of their values.
LABEL_BLOCK = 4096


def open_hdf5(path: Path, key: str | None) -> ImageSource:
    """The images of an HDF5 file, not yet settled. `key` may lead into groups: 'train/image'.

    The keys are listed, no image is opened. Raises DataError if the file is unreadable or the images are not found.
    """
    try:
        file = h5py.File(path, "r")
    except H5_ERRORS as error:
        if "unable to lock file" in str(error):
            raise DataError(
                f"{path}: expected a file that can be opened, received one that another program has locked; close "
                "that program, or set HDF5_USE_FILE_LOCKING=FALSE if it does not write to the file"
            ) from error
        raise DataError(
            f"{path}: expected a complete HDF5 file, received one that cannot be opened ({one_line(error)}); "
            "check that it was copied whole"
        ) from error
    try:
        return _find(file, path, key)
    except DataError:
        file.close()
        raise
    except H5_ERRORS as error:
        file.close()
        raise DataError(
            f"{path}: expected a sound HDF5 file, received a damaged one ({one_line(error)}); make it anew"
        ) from error


def _find(file: h5py.File, path: Path, key: str | None) -> ImageSource:
    parent, name = _inside(file, key)
    members = _members(parent, path)
    chosen = choose(members, name, str(path))
    node = plain(parent, chosen, f"{path}: {chosen!r}")
    others = [member.name for member in members if member.name != chosen]
    if isinstance(node, h5py.Group):
        return KeyedHdf5(path, file, parent, node, others)
    return StackedHdf5(path, file, parent, node, others)


def _inside(file: h5py.File, key: str | None) -> tuple[h5py.Group, str | None]:
    """The group that `key` leads into, and what is left of `key` there; the root and `key` if it leads nowhere."""
    *above, last = (key or "").strip("/").split("/")
    root: h5py.Group = file["/"]
    parent = root
    for part in above:
        # One by one: a path as a whole would be followed through links into other files.
        if not _hard(parent, part, h5py.Group):
            return root, key
        parent = parent[part]
    return parent, last if above else key


def _members(parent: h5py.Group, path: Path) -> list[Member]:
    if len(parent) > MAX_MEMBERS:
        raise DataError(
            f"{path}: expected at most {MAX_MEMBERS} groups and data sets in {parent.name!r}, received {len(parent)}; "
            "put the images into a group named 'image'"
        )
    return [_member(parent, name) for name in names_in(parent)]  # h5py gives bytes for what is no UTF-8


def _member(parent: h5py.Group, name: str) -> Member:
    if not is_hard(parent, encoded(name)):
        return Member(name, "a link", stack=False)
    node = parent[encoded(name)]
    if isinstance(node, h5py.Group):
        return Member(name, f"a group of {len(node)}", stack=False)
    shape = getattr(node, "shape", None) or ()
    return Member(name, f"{'x'.join(map(str, shape)) or 'one value'} {getattr(node, 'dtype', '')}", len(shape) >= 3)


class Hdf5Source(ImageSource):
    """What the two layouts share. `location` is the path of the images inside the file."""

    def __init__(
        self,
        path: Path,
        kind: str,
        file: h5py.File,
        parent: h5py.Group,
        node: h5py.Group | h5py.Dataset,
        names: Sequence[str],
        label_names: list[str],
    ) -> None:
        super().__init__(path, kind, names, label_names)
        self._file = file
        self._parent = parent
        self._tried: set[str] = set()  # labels of text of varying length
        self.location: str = node.name

    def _label(self, dataset: h5py.h5d.DatasetID, name: str, where: str) -> NDArray[Any]:
        """The values of `dataset`, one of label `name`; text of varying length once another process could read it."""
        if dataset.dtype.hasobject and name not in self._tried:
            try_text(self.path, f"{self._parent.name.rstrip('/')}/{name}", len(self), where)
            self._tried.add(name)
        return read_label(dataset, where)

    def close(self) -> None:
        self._file.close()


class KeyedHdf5(Hdf5Source):
    """A group with one (H, W) or (H, W, C) data set per image; its sibling groups with the same keys are labels."""

    names: PackedNames

    def __init__(self, path: Path, file: h5py.File, parent: h5py.Group, group: h5py.Group, others: list[str]) -> None:
        names = names_in(group)
        if not names:
            raise DataError(f"{path}: expected images in group {group.name!r}, received none; add some or use key=")
        probes = [names[index] for index in evenly_spaced(len(names), 16)]
        labels = [other for other in others if _has_any(parent, other, probes)]
        super().__init__(path, "HDF5, one data set per image", file, parent, group, names, labels)
        self._group = group
        self._sizes = KnownSizes(len(self))

    def use_layout(self, layout: Layout | None) -> None:
        try:
            with reading(self.where(0)):
                shape = self._opened(0, self.where(0))[1]
        except DataError:  # raised again, or listed, when the image is read
            return
        if len(shape) == 3 or layout == "nchw":
            check_layout((len(self), *shape), layout, f"{self.path}: {self.location!r}")

    def _opened(self, index: int, where: str) -> tuple[h5py.h5d.DatasetID, tuple[int, ...]]:
        """The data set of image `index` and its shape, checked as its type is; nothing read."""
        dataset = open_one(self._group, self.names.encoded(index), where)
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
        group = self._parent[encoded(name)]
        with reading(f"{self.path}: label {name!r}"):
            held = names_in(group)
        self._check_keys(name, held)
        firsts: dict[tuple[int, ...], str] = {}
        blocks = []
        for start in range(0, len(self), LABEL_BLOCK):
            values = []
            for key in self.names[start : start + LABEL_BLOCK]:
                where = f"{self.path}: label {name}/{key}"
                with reading(where):
                    values.append(self._label(open_one(group, encoded(key), where), name, where))
                # All together, and texts as long as the longest.
                check_bytes(values[-1].nbytes * len(self), f"{self.path}: label {name!r}")
                firsts.setdefault(values[-1].shape, key)
            if len(firsts) > 1:
                listed = ", ".join(f"{shape} for {key!r}" for shape, key in list(firsts.items())[:2])
                raise DataError(f"{self.path}: expected labels {name!r} of one shape, received {listed}; mend them")
            blocks.append(np.stack(values))
        return np.concatenate(blocks)

    def _check_keys(self, name: str, held: PackedNames) -> None:
        if held == self.names:
            return
        known = set(held)
        missing = [key for key in self.names if key not in known]
        if missing:
            raise DataError(
                f"{self.path}: expected a label {name!r} for each of {len(self)} images, received none for "
                f"{len(missing)}, the first {missing[0]!r}; add them, or remove these images or this label"
            )


class StackedHdf5(Hdf5Source):
    """One (N, H, W) or (N, H, W, C) data set; the other data sets beside it that are N long are labels."""

    def __init__(
        self, path: Path, file: h5py.File, parent: h5py.Group, dataset: h5py.Dataset, others: list[str]
    ) -> None:
        check_stack(dataset.shape or (), dataset.dtype, f"{path}: {dataset.name!r}")
        labels = [other for other in others if _is_long(parent, other, dataset.shape[0])]
        names = IndexNames(dataset.shape[0])
        super().__init__(path, "HDF5, one data set for all images", file, parent, dataset, names, labels)
        self.no_labels = tuple(other for other in others if other not in labels and _hard(parent, other, h5py.Dataset))
        self._size = int(dataset.shape[1]), int(dataset.shape[2])
        self._stack = Hdf5Stack(with_cache(file, dataset.name))

    def use_layout(self, layout: Layout | None) -> None:
        shape = self._file[self.location].shape
        check_layout(shape, layout, f"{self.path}: {self.location!r}")
        if layout == "nchw":
            self._size = int(shape[2]), int(shape[3])
            self._stack.channels_first = True

    def stored(self, index: int) -> NDArray[Any]:
        with reading(self.where(index)):
            image: NDArray[Any] = self._stack.read([index])[0]
        return image

    def stored_many(self, indices: Sequence[int]) -> Sequence[NDArray[Any]] | NDArray[Any]:
        try:
            return self._stack.read(indices)
        except H5_ERRORS:
            return super().stored_many(indices)  # names the image that is damaged

    def size(self, index: int) -> tuple[int, int]:
        return self._size

    def _labels(self, name: str) -> NDArray[Any]:
        where = f"{self.path}: label {name!r}"
        with reading(where):
            return self._label(plain(self._parent, name, where).id, name, where)

    def close(self) -> None:
        self._stack.close()
        super().close()


def _hard(parent: h5py.Group, name: str, kind: type) -> bool:
    link = encoded(name)
    return bool(link) and parent.id.links.exists(link) and is_hard(parent, link) and isinstance(parent[link], kind)


def _has_any(parent: h5py.Group, name: str, keys: list[str]) -> bool:
    if not _hard(parent, name, h5py.Group):
        return False
    group = parent[encoded(name)]
    # By the link: asking `in` for what a link leads to opens other files.
    return any(group.id.links.exists(encoded(key)) for key in keys)


def _is_long(parent: h5py.Group, name: str, count: int) -> bool:
    return _hard(parent, name, h5py.Dataset) and (parent[encoded(name)].shape or ())[:1] == (count,)
