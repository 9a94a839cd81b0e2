"""Reads many images at once from one HDF5 data set (N, H, W) or (N, H, W, C)."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from simgan.images.arrays import as_images, as_slice

# Bytes of images that are unpacked at once: those of a few chunks.
_BLOCK_BYTES = 16 * 2**20
# Chunks may be so long and narrow that the images which share chunks are the whole data set. If these images take more
# bytes than this, the data set is not unpacked.
_MOST_BLOCK_BYTES = 2**28


class Hdf5Stack:
    """Reads from `dataset`, which has a chunk cache of `cache_bytes`; safe from several threads.

    A compressed chunk holds many images, and reading one image decodes all of them. If images are read in order, this
    costs no time, since the chunk cache keeps the chunk for the next images. If they are read out of order, each image
    would decode a chunk anew. So when images are first read out of order, a data set that is larger than the cache is
    unpacked into a temporary file (in TMPDIR, as large as the images), if there is room. The file is removed together
    with this object.
    """

    def __init__(self, dataset: h5py.Dataset, cache_bytes: int) -> None:
        self.channels_first = False  # whether the axes in the file are (N, C, H, W)
        self._dataset = dataset
        self._unpacked: NDArray[Any] | None = None
        chunked = dataset.chunks is not None and dataset.chunks[0] > 1
        self._unpack_first = (
            chunked
            and dataset.nbytes > cache_bytes
            and dataset.chunks[0] * dataset.nbytes // len(dataset) <= _MOST_BLOCK_BYTES
        )
        self._lock = threading.Lock()

    def read(self, indices: Sequence[int]) -> NDArray[Any]:
        """(N, H, W, C): the images at these indices, at least one, in this order. Raises what h5py raises."""
        images = self._read(indices)
        return as_images(np.moveaxis(images, 1, -1) if self.channels_first else images)

    def _read(self, indices: Sequence[int]) -> NDArray[Any]:
        """As `read`, but with the axes in the order of the file."""
        together = as_slice(indices)
        if together is not None:
            images: NDArray[Any] = self._dataset[together]
            return images
        if self._unpack_first:
            self._unpack()
        unpacked = self._unpacked  # another thread may call `close` and set it to None
        if unpacked is not None:
            return unpacked[list(indices)]
        images = np.empty((len(indices), *self._dataset.shape[1:]), self._dataset.dtype)
        for place in np.argsort(indices, kind="stable"):  # in the order of the file, for the chunk cache
            images[place] = self._dataset[indices[place]]
        return images

    def close(self) -> None:
        """Removes the temporary file. May be called twice."""
        self._unpacked, self._unpack_first = None, False

    def _unpack(self) -> None:
        with self._lock:
            if not self._unpack_first:
                return
            try:
                if shutil.disk_usage(tempfile.gettempdir()).free > 2 * self._dataset.nbytes:
                    self._unpacked = self._copy()
            finally:
                self._unpack_first = False  # not tried again: in a damaged file, every batch would try in vain

    def _copy(self) -> NDArray[Any]:
        """The data set, memory-mapped in a nameless temporary file."""
        data = self._dataset
        rows = data.chunks[0] * max(1, _BLOCK_BYTES * len(data) // data.nbytes // data.chunks[0])
        with tempfile.TemporaryFile() as file:
            for start in range(0, len(data), rows):
                file.write(data[start : start + rows].tobytes())
            file.flush()
            return np.memmap(file, data.dtype, "r", shape=data.shape)
