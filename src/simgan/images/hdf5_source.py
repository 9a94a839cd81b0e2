"""What the layouts of HDF5 files share: where the images lie in the file, and how labels are read."""

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
    """Images in an HDF5 file. `location` is their path inside the file; `parent` is the group that the labels lie in.

    A source may be one of the parts of another: then `whole` is that one, and the messages name images and labels by
    their whole path in the file.
    """

    more_notes: tuple[str, ...] = ()  # what was said of the file when it was opened

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
        self._tried: set[str] = set()  # labels of text of varying length

    def parts(self) -> Sequence[Hdf5Source]:
        """The sources that hold the images, one after the other: this one alone, unless it was joined of several."""
        return (self,)

    def locate(self, index: int) -> tuple[int, int]:
        """Image 0 <= index < N: which of `parts()` holds it, and its index there."""
        return 0, index

    def notes(self) -> tuple[str, ...]:
        return (*super().notes(), *self.more_notes)

    def where(self, index: int) -> str:
        if self.whole is self:
            return super().where(index)
        return f"image {self.location.strip('/') + '/' + self.names[index]!r} of {self.path}"

    def shown_label(self, name: str) -> str:
        """The label `name` in an error message: of a part, its path in the file."""
        return name if self.whole is self else self.label_place(name).strip("/")

    def label_place(self, name: str) -> str:
        """The data set or group `name` beside the images: its path in the file."""
        return f"{self._parent.name.rstrip('/')}/{name}"

    def label_places(self, name: str) -> list[str]:
        """The data sets, or the groups of them, that hold the label `name`: paths in the file."""
        return [self.label_place(name)]

    def _label(self, dataset: h5py.h5d.DatasetID, name: str, where: str) -> NDArray[Any]:
        """The values of `dataset`, one of label `name`; text of varying length once another process could read it."""
        whole = self.whole
        if dataset.dtype.hasobject and name not in whole._tried:
            try_text(self.path, whole.label_places(name), len(whole), where)
            whole._tried.add(name)
        return read_label(dataset, where)

    def close(self) -> None:
        self._file.close()
