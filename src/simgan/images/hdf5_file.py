"""Low-level access to HDF5: refuses links, turns errors into DataError, and reads single data sets fast."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from math import prod
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.images.arrays import check_bytes, one_line
from simgan.images.hdf5_storage import check_storage
from simgan.images.names import PackedNames

# If h5py chose the shape of the chunks, each chunk covers parts of many images. The cache must hold all chunks that
# one image touches, or each of them is decoded again for every image.
CHUNK_CACHE = 64 * 2**20
_TEXT_ROWS = 256
# What h5py raises, depending on which layer of HDF5 fails.
H5_ERRORS = (OSError, KeyError, RuntimeError, ValueError, TypeError, MemoryError, OverflowError)


def open_member(parent: h5py.Group, name: str, where: str) -> Any:
    """The group or data set `name` of `parent`. Raises DataError if it is a link, or if its values are in another
    file."""
    if not is_hard(parent, encoded(name)):
        raise linked(where)
    node = parent[encoded(name)]
    if isinstance(node, h5py.Dataset):
        check_storage(node.id, where)
    return node


def is_hard(group: h5py.Group, name: bytes) -> bool:
    """Whether `name` is a member of `group` and not a link to another place.

    False for a name with a slash, which only a forged file contains: HDF5 would follow it as a path, through links.
    """
    return b"/" not in name and bool(group.id.links.get_info(name).type == h5py.h5l.TYPE_HARD)


def has_hard(parent: h5py.Group, name: str, kind: type) -> bool:
    """Whether `parent` itself holds a group (h5py.Group) or a data set (h5py.Dataset) of this name."""
    link = encoded(name)
    return bool(link) and parent.id.links.exists(link) and is_hard(parent, link) and isinstance(parent[link], kind)


def linked(where: str) -> DataError:
    """The error for a link where data was expected."""
    return DataError(f"{where}: expected data, received a link; copy what it points to into the file (h5repack)")


def encoded(name: str) -> bytes:
    """The bytes with which HDF5 stores a name."""
    return name.encode("utf-8", "surrogateescape")


def open_one(group: h5py.Group, name: bytes, where: str) -> h5py.h5d.DatasetID:
    """As `open_member`, for one of very many data sets: h5py's low-level interface takes a third of the time."""
    if not is_hard(group, name):
        raise linked(where)
    dataset = h5py.h5d.open(group.id, name)
    # Only values that lie in one piece in this file have an offset: most do, and asking takes no time.
    if dataset.get_offset() is None:
        check_storage(dataset, where)
    return dataset


def read_one(dataset: h5py.h5d.DatasetID, shape: tuple[int, ...]) -> NDArray[Any]:
    """All values of a data set of numbers. The caller gives its `shape`: looking it up takes longer than reading."""
    dtype = dataset.dtype
    values: NDArray[Any] = np.empty(shape, dtype)
    dataset.read(h5py.h5s.ALL, h5py.h5s.ALL, values, _memory_type(dtype))
    return values


def write_one(group: h5py.Group, name: bytes, image: NDArray[Any], where: str) -> None:
    """Writes (H, W, C) `image` over the values of a data set (H, W, C) or (H, W)."""
    dataset = open_one(group, name, where)
    values = np.ascontiguousarray(image).reshape(dataset.shape)
    dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, values, _memory_type(values.dtype))


@lru_cache(maxsize=32)
def _memory_type(dtype: np.dtype[Any]) -> h5py.h5t.TypeID:
    return h5py.h5t.py_create(dtype)


def names_in(group: h5py.Group) -> PackedNames:
    """The names in a group, in the order in which h5py lists them."""
    names = PackedNames()
    tracked = group.id.get_create_plist().get_link_creation_order()
    group.id.links.iterate(names.append, idx_type=h5py.h5.INDEX_CRT_ORDER if tracked else h5py.h5.INDEX_NAME)
    return names


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Turns errors that h5py raises inside the block into a DataError that names `where`."""
    try:
        yield
    except DataError:
        raise
    except H5_ERRORS as error:
        raise DataError(
            f"{where}: expected readable data, received damaged data ({one_line(error)}); mend it or leave it out"
        ) from error


def read_label(identifier: h5py.h5d.DatasetID, where: str) -> NDArray[Any]:
    """The values of a data set: numbers, or text as fixed-width Unicode.

    Raises DataError for anything else that h5py reads as Python objects.
    """
    shape = identifier.shape
    check_bytes(prod(shape or ()) * identifier.dtype.itemsize, where)
    if not identifier.dtype.hasobject and shape is not None:
        return read_one(identifier, shape)
    dataset = h5py.Dataset(identifier)
    if h5py.check_string_dtype(dataset.dtype) is not None:
        return _read_text(dataset, where)
    raise DataError(
        f"{dataset.file.filename}: expected numbers or text in {dataset.name!r}, received {dataset.dtype} of "
        "varying length; store it as an array of one shape"
    )


def _read_text(dataset: h5py.Dataset, where: str) -> NDArray[Any]:
    """Reads text of varying length, a few values at a time.

    In a forged file, millions of values may all refer to one long text, and would together fill the memory.
    """
    text = dataset.asstr()
    if not dataset.shape or not dataset.size:
        return np.asarray(text[()], dtype=str)
    parts: list[NDArray[Any]] = []
    longest = 1
    for start in range(0, len(dataset), _TEXT_ROWS):
        part: NDArray[Any] = text[start : start + _TEXT_ROWS]
        longest = max(longest, *map(len, part.flat))
        check_bytes(dataset.size * longest * np.dtype("U1").itemsize, where)
        parts.append(part.astype(str))
    return np.concatenate(parts)


def with_cache(file: h5py.File, name: str, nbytes: int) -> h5py.Dataset:
    """The data set `name` with a chunk cache of `nbytes` bytes."""
    access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
    # 10,007: HDF5 asks for a prime, far above the number of chunks that the cache holds.
    access.set_chunk_cache(10_007, nbytes, 0.75)
    return h5py.Dataset(h5py.h5d.open(file.id, encoded(name), access))
