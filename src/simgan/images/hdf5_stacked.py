"""HDF5 with one data set for all images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.images import hdf5_file
from simgan.images.arrays import check_images_first, check_layout, check_stack
from simgan.images.hdf5_file import H5_ERRORS, encoded, has_hard, open_member, reading, with_cache
from simgan.images.hdf5_source import Hdf5Source
from simgan.images.hdf5_stack import Hdf5Stack
from simgan.images.names import IndexNames
from simgan.settings.choices import Layout


class StackedHdf5(Hdf5Source):
    """One (N, H, W) or (N, H, W, C) data set. Other data sets in its group that have N rows are labels.

    `open_stacks`: number of such sources that share the memory for unpacked chunks.
    """

    def __init__(
        self,
        path: Path,
        file: h5py.File,
        parent: h5py.Group,
        dataset: h5py.Dataset,
        others: list[str],
        open_stacks: int = 1,
    ) -> None:
        check_stack(dataset.shape or (), dataset.dtype, f"{path}: {dataset.name!r}")
        labels = [other for other in others if _has_rows(parent, other, dataset.shape[0])]
        names = IndexNames(dataset.shape[0])
        super().__init__(path, "HDF5, one data set for all images", file, parent, dataset.name, names, labels)
        self.other_arrays = tuple(
            other for other in others if other not in labels and has_hard(parent, other, h5py.Dataset)
        )
        self._size = int(dataset.shape[1]), int(dataset.shape[2])
        self.cache_bytes = hdf5_file.CHUNK_CACHE // open_stacks
        self._stack = Hdf5Stack(with_cache(file, dataset.name, self.cache_bytes), self.cache_bytes)

    def use_layout(self, layout: Layout | None) -> None:
        dataset, where = self._file[self.location], f"{self.path}: {self.location!r}"
        shape = dataset.shape
        check_layout(shape, layout, where)
        try:
            check_images_first(dataset, layout, where)
        except DataError:  # a ValueError too
            raise
        except H5_ERRORS:  # raised again, or listed, when the image is read
            pass
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
            return super().stored_many(indices)  # raises the error of the damaged image

    def size(self, index: int) -> tuple[int, int]:
        return self._size

    def _labels(self, name: str) -> NDArray[Any]:
        where = f"{self.path}: label {self.shown_label(name)!r}"
        with reading(where):
            return self._label(open_member(self._parent, name, where).id, name, where)

    def close(self) -> None:
        self._stack.close()
        super().close()


def _has_rows(parent: h5py.Group, name: str, count: int) -> bool:
    return has_hard(parent, name, h5py.Dataset) and (parent[encoded(name)].shape or ())[:1] == (count,)
