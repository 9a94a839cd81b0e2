"""Writing HDF5."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from simgan.files.error_keeping_file import ErrorKeepingFile
from simgan.images.arrays import as_slice
from simgan.images.copying import copy_file, unreadable
from simgan.images.hdf5_file import H5_ERRORS, with_cache, write_one
from simgan.images.hdf5_keyed import KeyedHdf5
from simgan.images.hdf5_source import Hdf5Source
from simgan.images.hdf5_stacked import StackedHdf5
from simgan.images.opening import HDF5_SUFFIXES
from simgan.images.writer import ImageWriter


class Hdf5Writer(ImageWriter[Hdf5Source]):
    """Copies the file, then writes the refined pixels over the pixels in the copy.

    So type, shape, chunks, compression, attributes, creation order, references and everything beside the images stay
    as they are, and this code needs no list of them.
    """

    suffixes = HDF5_SUFFIXES
    write_errors = (*ImageWriter.write_errors, RuntimeError, ValueError)  # as h5py reports a failed write or close

    def __init__(self, source: Hdf5Source, output: Path) -> None:
        super().__init__(source, output)
        self._file: h5py.File | None = None
        self._disk: ErrorKeepingFile | None = None
        self._nodes: list[Any] = []  # in the copy: the group or data set with the images of each part

    def _begin(self) -> None:
        copy_file(self.source.path, self.partial)
        self._disk = ErrorKeepingFile(self.partial, "r+b")
        file = self._file = h5py.File(self._disk, "r+")
        for part in self.source.parts():
            if isinstance(part, StackedHdf5):
                self._nodes.append(with_cache(file, part.location, part.cache_bytes))
            else:
                self._nodes.append(file[part.location])
        self.leaves_out = all(isinstance(part, KeyedHdf5) for part in self.source.parts())

    def _put(self, index: int, image: NDArray[Any]) -> None:
        number, place = self.source.locate(index)
        part, node = self.source.parts()[number], self._nodes[number]
        if isinstance(part, KeyedHdf5):
            stored = np.moveaxis(image, -1, 0) if part.layout == "nchw" else image
            write_one(*part.place(node, place), stored, self.source.where(index))
        else:
            _put_together(part, node, slice(place, place + 1), image[np.newaxis])

    def _put_many(self, indices: Sequence[int], images: Sequence[NDArray[Any]] | NDArray[Any]) -> None:
        located = [self.source.locate(index) for index in indices]
        start = 0
        for number, run in groupby(located, key=lambda at: at[0]):
            places = [place for _, place in run]
            stop = start + len(places)
            part, together = self.source.parts()[number], as_slice(places)
            if isinstance(part, KeyedHdf5) or together is None:
                super()._put_many(indices[start:stop], images[start:stop])
            else:
                _put_together(part, self._nodes[number], together, images[start:stop])
            start = stop
        self._check_disk()

    def _leave_out(self, index: int) -> None:
        number, place = self.source.locate(index)
        part, node = self.source.parts()[number], self._nodes[number]
        if not isinstance(part, KeyedHdf5):
            raise NotImplementedError  # `leaves_out` is False
        try:
            for group, name in [part.place(node, place), *part.label_places_of(node, place)]:
                if group.id.links.exists(name):
                    del group[name]
        except H5_ERRORS as error:
            self._check_disk()
            raise unreadable(f"labels of {self.source.where(index)}", error) from error

    def _finish(self) -> None:
        self._release()
        self._check_disk()

    def _check_disk(self) -> None:
        if self._disk is not None and self._disk.error is not None:
            raise self._disk.error

    def _release(self) -> None:
        file, self._file = self._file, None
        self._nodes.clear()
        if file is not None:
            file.close()
        if self._disk is not None:
            self._disk.close()


def _put_together(
    part: Hdf5Source, dataset: h5py.Dataset, places: slice, images: Sequence[NDArray[Any]] | NDArray[Any]
) -> None:
    """Writes (N, H, W, C) `images` to consecutive places of a data set for all images."""
    stored = np.moveaxis(np.asarray(images), -1, 1) if part.layout == "nchw" else np.asarray(images)
    dataset[places] = stored.reshape(len(stored), *dataset.shape[1:])
