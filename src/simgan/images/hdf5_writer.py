"""Writing HDF5."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from simgan.files.error_keeping_file import ErrorKeepingFile
from simgan.images.arrays import as_slice
from simgan.images.hdf5 import Hdf5Source, KeyedHdf5
from simgan.images.hdf5_file import with_cache, write_one
from simgan.images.opening import HDF5_SUFFIXES
from simgan.images.writer import ImageWriter


class Hdf5Writer(ImageWriter[Hdf5Source]):
    """Copies the file, then writes over the pixels where they lie.

    So type, shape, chunks, compression, attributes, creation order, references and everything beside the images stay
    as they are, without a list of what there might be.
    """

    suffixes = HDF5_SUFFIXES

    def __init__(self, source: Hdf5Source, output: Path) -> None:
        super().__init__(source, output)
        self._file: h5py.File | None = None
        self._disk: ErrorKeepingFile | None = None

    def _begin(self) -> None:
        shutil.copyfile(self.source.path, self.partial)
        self._disk = ErrorKeepingFile(self.partial, "r+b")
        self._file = h5py.File(self._disk, "r+")
        location = self.source.location
        keyed = isinstance(self.source, KeyedHdf5)
        self._images = self._file[location] if keyed else with_cache(self._file, location)
        self.leaves_out = keyed

    def _put(self, index: int, image: NDArray[Any]) -> None:
        if isinstance(self.source, KeyedHdf5):
            stored = np.moveaxis(image, -1, 0) if self.source.layout == "nchw" else image
            write_one(self._images, self.source.names.encoded(index), stored, self.source.where(index))
        else:
            self._put_many([index], image[np.newaxis])

    def _put_many(self, indices: Sequence[int], images: Sequence[NDArray[Any]] | NDArray[Any]) -> None:
        together = as_slice(indices)
        if isinstance(self.source, KeyedHdf5) or together is None:
            super()._put_many(indices, images)
        else:
            stored = np.moveaxis(np.asarray(images), -1, 1) if self.source.layout == "nchw" else np.asarray(images)
            self._images[together] = stored.reshape(len(indices), *self._images.shape[1:])
        self._check_disk()

    def _leave_out(self, index: int) -> None:
        name, beside = self.source.names[index], self._images.parent
        for group in (self._images, *(beside[label] for label in self.source.label_names)):
            if name in group:
                del group[name]

    def _finish(self) -> None:
        self._release()
        self._check_disk()

    def _check_disk(self) -> None:
        if self._disk is not None and self._disk.error is not None:
            raise self._disk.error

    def _release(self) -> None:
        file, self._file, self._images = self._file, None, None
        if file is not None:
            file.close()
        if self._disk is not None:
            self._disk.close()
