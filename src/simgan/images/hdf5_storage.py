"""Checks how an HDF5 data set is stored before its values are read, because a hostile file may claim any size."""

from __future__ import annotations

from math import prod

import h5py

from simgan.errors import DataError
from simgan.images.arrays import check_bytes, check_unpacked

_COMPRESSIONS = (h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SZIP, h5py.h5z.FILTER_LZF)
# Bytes by which filters may make a chunk larger: compression adds a few bytes even to a tiny chunk.
_SLACK = 2**16
# Ours: a chunk for each of ten million images.
_MOST_CHUNKS = 10**7


def check_storage(dataset: h5py.h5d.DatasetID, where: str) -> None:
    """Raises DataError, naming `where`, if the values are in another file, or if reading them may take far too much
    memory."""
    made_with = dataset.get_create_plist()
    layout = made_with.get_layout()
    if layout == h5py.h5d.VIRTUAL or made_with.get_external_count():
        raise DataError(f"{where}: expected data in this file, received data kept in another; copy it in (h5repack)")
    itemsize = dataset.get_type().get_size()
    if layout == h5py.h5d.CHUNKED:
        chunk = prod(made_with.get_chunk()) * itemsize
        check_bytes(chunk, f"{where}, each chunk")
        if made_with.get_nfilters():
            _check_chunks(dataset, made_with, chunk, where)
    # A layout may claim more than the whole file.
    packed = min(dataset.get_storage_size(), h5py.h5i.get_file_id(dataset).get_filesize())
    check_unpacked(prod(dataset.shape or ()) * itemsize, packed, where)


def _check_chunks(dataset: h5py.h5d.DatasetID, made_with: h5py.h5p.PropDCID, chunk: int, where: str) -> None:
    """Raises DataError if unpacking a chunk may take far more than its `chunk` bytes of values.

    HDF5 compares the size of a chunk with `chunk` only after it has unpacked all of it.
    """
    filters = [made_with.get_filter(index)[0] for index in range(made_with.get_nfilters())]
    if sum(code in _COMPRESSIONS for code in filters) > 1:
        raise DataError(f"{where}: expected data compressed once, received it compressed again; repack it (h5repack)")
    chunks = prod(-(-side // of_chunk) for side, of_chunk in zip(dataset.shape, made_with.get_chunk(), strict=True))
    if chunks > _MOST_CHUNKS:  # HDF5 looks each of them up
        raise DataError(f"{where}: expected at most {_MOST_CHUNKS} chunks, received {chunks}; store larger ones")
    largest = 0

    def compare(info: h5py.h5d.StoreInfo) -> None:
        nonlocal largest
        largest = max(largest, info.size)

    dataset.chunk_iter(compare)
    if largest > 2 * chunk + _SLACK:
        raise DataError(
            f"{where}: expected compressed chunks no larger than their values, {chunk} bytes, received one of "
            f"{largest}; make the file anew"
        )
