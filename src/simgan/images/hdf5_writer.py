"""Writing HDF5."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import h5py
from numpy.typing import NDArray

from simgan.images.hdf5 import Hdf5Source, StackedHdf5
from simgan.images.hdf5_file import with_cache
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

    def _begin(self) -> None:
        shutil.copyfile(self.source.path, self.partial)
        self._file = h5py.File(self.partial, "r+")
        location = self.source.location
        stacked = isinstance(self.source, StackedHdf5)
        self._images = with_cache(self._file, location) if stacked else self._file[location]

    def _put(self, index: int, image: NDArray[Any]) -> None:
        if isinstance(self.source, StackedHdf5):
            self._images[index] = image.reshape(self._images.shape[1:])
        else:
            dataset = self._images[self.source.names[index]]
            dataset[...] = image.reshape(dataset.shape)

    def _finish(self) -> None:
        self._release()

    def _release(self) -> None:
        file, self._file, self._images = self._file, None, None
        if file is not None:
            file.close()
