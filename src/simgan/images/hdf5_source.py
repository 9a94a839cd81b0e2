"""What the layouts of HDF5 files share: the place of the images in the file, and how labels are read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
from numpy.typing import NDArray

from simgan.images.hdf5_file import read_label
from simgan.images.hdf5_trial import try_text
from simgan.images.source import ImageSource


class Hdf5Source(ImageSource):
    """Images in an HDF5 file. `location` is their path in the file; `parent` is the group that holds the labels.

    A source may be a part of another source. Then `whole` is the other source, and messages name images and labels by
    their full path in the file.
    """

    more_notes: tuple[str, ...] = ()  # notes from the opening of the file

    def __init__(
        self,
        path: Path,
        kind: str,
        file: h5py.File,
        parent: h5py.Group,
        location: str,
        names: Sequence[str],
        label_names: list[str],
    ) -> None:
        super().__init__(path, kind, names, label_names)
        self.whole: Hdf5Source = self
        self.location = location
        self._file = file
        self._parent = parent
        self._tried: set[str] = set()  # names of text labels that `try_text` could read

    def parts(self) -> Sequence[Hdf5Source]:
        """The sources that hold the images, one after the other: only this source, unless it joins several sources."""
        return (self,)

    def locate(self, index: int) -> tuple[int, int]:
        """The number of the source in `parts()` that holds image 0 <= index < N, and the index of the image there."""
        return 0, index

    def notes(self) -> tuple[str, ...]:
        return (*super().notes(), *self.more_notes)

    def where(self, index: int) -> str:
        if self.whole is self:
            return super().where(index)
        return f"image {self.location.strip('/') + '/' + self.names[index]!r} of {self.path}"

    def shown_label(self, name: str) -> str:
        """The label `name` in words for an error message; in a part of another source, its path in the file."""
        return name if self.whole is self else self.label_place(name).strip("/")

    def label_place(self, name: str) -> str:
        """The path in the file of the data set or group `name` that is beside the images."""
        return f"{self._parent.name.rstrip('/')}/{name}"

    def label_places(self, name: str) -> list[str]:
        """The paths in the file of the data sets, or groups of data sets, that hold the label `name`."""
        return [self.label_place(name)]

    def _label(self, dataset: h5py.h5d.DatasetID, name: str, where: str) -> NDArray[Any]:
        """The values of `dataset`, which belongs to label `name`. `try_text` reads text of varying length first."""
        whole = self.whole
        if dataset.dtype.hasobject and name not in whole._tried:
            try_text(self.path, whole.label_places(name), len(whole), where)
            whole._tried.add(name)
        return read_label(dataset, where)

    def close(self) -> None:
        self._file.close()
