"""HDF5, one layer down: links refused, errors turned, single data sets read fast."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.images.arrays import one_line
from simgan.images.names import PackedNames

# Guessed chunks run through many images: the cache must hold a row of them, or each is decoded anew for every image.
CHUNK_CACHE = 64 * 2**20
# What h5py raises, depending on which layer of HDF5 stumbles.
H5_ERRORS = (OSError, KeyError, RuntimeError, ValueError, TypeError, MemoryError)


def plain(parent: h5py.Group, name: str, where: str) -> Any:
    """The group or data set `name` of `parent`; DataError if it is a link or its values lie in another file."""
    if parent.id.links.get_info(encoded(name)).type != h5py.h5l.TYPE_HARD:
        raise _link(where)
    node = parent[name]
    if isinstance(node, h5py.Dataset):
        _check_storage(node.id, where)
    return node


def _link(where: str) -> DataError:
    return DataError(f"{where}: expected data, received a link; copy what it points to into the file (h5repack)")


def _check_storage(dataset: h5py.h5d.DatasetID, where: str) -> None:
    made_with = dataset.get_create_plist()
    if made_with.get_layout() == h5py.h5d.VIRTUAL or made_with.get_external_count():
        raise DataError(f"{where}: expected data in this file, received data kept in another; copy it in (h5repack)")


def encoded(name: str) -> bytes:
    """A name as HDF5 holds it."""
    return name.encode("utf-8", "surrogateescape")


def open_one(group: h5py.Group, name: bytes, where: str) -> h5py.h5d.DatasetID:
    """As `plain`, for one of very many data sets: h5py's low-level interface takes a third of the time."""
    if group.id.links.get_info(name).type != h5py.h5l.TYPE_HARD:
        raise _link(where)
    dataset = h5py.h5d.open(group.id, name)
    # Only values that lie in one piece in this file have an offset: most do, and asking takes no time.
    if dataset.get_offset() is None:
        _check_storage(dataset, where)
    return dataset


def read_one(dataset: h5py.h5d.DatasetID, shape: tuple[int, ...]) -> NDArray[Any]:
    """All values of a data set of numbers. `shape` is its own: asking for it takes longer than reading."""
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
    """Turns what h5py raises inside of the block into DataError naming `where`."""
    try:
        yield
    except DataError:
        raise
    except H5_ERRORS as error:
        raise DataError(
            f"{where}: expected readable data, received damaged data ({one_line(error)}); mend it or leave it out"
        ) from error


def read_label(identifier: h5py.h5d.DatasetID) -> NDArray[Any]:
    """The values of a data set, text as fixed-width unicode: anything else of Python objects is DataError."""
    shape = identifier.shape
    if not identifier.dtype.hasobject and shape is not None:
        return read_one(identifier, shape)
    dataset = h5py.Dataset(identifier)
    if h5py.check_string_dtype(dataset.dtype) is not None:
        return np.asarray(dataset.asstr()[()], dtype=str)
    raise DataError(
        f"{dataset.file.filename}: expected numbers or text in {dataset.name!r}, received {dataset.dtype} of "
        "varying length; store it as an array of one shape"
    )


def with_cache(file: h5py.File, name: str) -> h5py.Dataset:
    """The data set `name` with a chunk cache of CHUNK_CACHE bytes."""
    access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
    # 10,007: HDF5 asks for a prime, far above the number of chunks that the cache holds.
    access.set_chunk_cache(10_007, CHUNK_CACHE, 0.75)
    return h5py.Dataset(h5py.h5d.open(file.id, encoded(name), access))
