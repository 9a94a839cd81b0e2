"""HDF5 with images in several places: a group per person, each with a group or an array of images."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.images.arrays import check_bytes
from simgan.images.hdf5_file import reading
from simgan.images.hdf5_source import Hdf5Source
from simgan.images.names import Names
from simgan.settings.choices import Layout


class JoinedHdf5(Hdf5Source):
    """The images of several sources (parts) in one file, one part after the other.

    Images are named by their paths in the file. The labels are those that every part has.
    """

    def __init__(self, path: Path, file: h5py.File, top: h5py.Group, parts: Sequence[Hdf5Source]) -> None:
        labels = [name for name in parts[0].label_names if all(name in part.label_names for part in parts)]
        names = _JoinedNames(parts)
        super().__init__(path, f"HDF5, images in {len(parts)} places", file, top, top.name, names, labels)
        self._parts = tuple(parts)
        self._starts = names.starts
        for part in parts:
            part.whole = self
        self.other_arrays = tuple(
            place.strip("/")
            for part in parts
            for place in [
                *(part.label_place(name) for name in part.label_names if name not in labels),
                *map(part.label_place, part.other_arrays),
            ]
        )

    def parts(self) -> Sequence[Hdf5Source]:
        return self._parts

    def locate(self, index: int) -> tuple[int, int]:
        part = bisect_right(self._starts, index) - 1
        return part, index - self._starts[part]

    def use_layout(self, layout: Layout | None) -> None:
        for part in self._parts:
            part.layout = layout
            part.use_layout(layout)

    def stored(self, index: int) -> NDArray[Any]:
        part, place = self.locate(index)
        return self._parts[part].stored(place)

    def stored_many(self, indices: Sequence[int]) -> Sequence[NDArray[Any]] | NDArray[Any]:
        located = [self.locate(index) for index in indices]
        by_part: dict[int, list[int]] = {}
        for order, (part, _) in enumerate(located):
            by_part.setdefault(part, []).append(order)
        images: dict[int, NDArray[Any]] = {}
        try:
            for part, orders in by_part.items():
                read = self._parts[part].stored_many([located[order][1] for order in orders])
                if len(by_part) == 1:
                    return read
                images.update(zip(orders, read, strict=True))
        except DataError:
            return super().stored_many(indices)  # raises the error of the first unreadable image in `indices`
        return [images[order] for order in range(len(indices))]

    def size(self, index: int) -> tuple[int, int]:
        part, place = self.locate(index)
        return self._parts[part].size(place)

    def label_places(self, name: str) -> list[str]:
        return [place for part in self._parts for place in part.label_places(name)]

    def _labels(self, name: str) -> NDArray[Any]:
        values: list[NDArray[Any]] = []
        for part in self._parts:
            values.append(part.labels(name))
            first, last = values[0], values[-1]
            if last.shape[1:] != first.shape[1:] or (last.dtype.kind in "SU") != (first.dtype.kind in "SU"):
                raise DataError(
                    f"{self.path}: expected labels {part.shown_label(name)!r} of shape {first.shape[1:]} and type "
                    f"{first.dtype} as {self._parts[0].shown_label(name)!r}, received {last.shape[1:]} of "
                    f"{last.dtype}; mend them, or name fewer groups with key= (--key)"
                )
            # In the joined array, the texts of all parts take as much memory as the longest text.
            each = max(value.dtype.itemsize for value in values) * math.prod(first.shape[1:])
            check_bytes(each * len(self), f"{self.path}: label {name!r}")
        with reading(f"{self.path}: label {name!r}"):  # there may be too little memory
            return np.concatenate(values)

    def close(self) -> None:
        for part in self._parts:
            part.close()
        super().close()


class _JoinedNames(Names):
    """The names of all images, each preceded by the path of its part. `starts`: index of each part's first image."""

    def __init__(self, parts: Sequence[Hdf5Source]) -> None:
        self._parts = [(part.location.strip("/"), part.names) for part in parts]
        ends = list(accumulate(len(part) for part in parts))
        self.starts, self._count = [0, *ends[:-1]], ends[-1]

    def __len__(self) -> int:
        return self._count

    def _name(self, index: int) -> str:
        part = bisect_right(self.starts, index) - 1
        location, names = self._parts[part]
        return f"{location}/{names[index - self.starts[part]]}"
