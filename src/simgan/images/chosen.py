"""Some of the images of a data set, as a data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.images.names import Names
from simgan.images.source import ImageSource


class ChosenImages(ImageSource):
    """The images at `indices` of `whole`, with their labels. Closing this source closes `whole`."""

    def __init__(self, whole: ImageSource, indices: Sequence[int]) -> None:
        self.whole, self.indices = whole, np.array(indices, np.int64)
        super().__init__(whole.path, whole.kind, _ChosenNames(whole.names, self.indices), whole.label_names)
        self._take_after(whole)

    def stored(self, index: int) -> NDArray[Any]:
        return self.whole.stored(int(self.indices[index]))

    def stored_many(self, indices: Sequence[int]) -> Sequence[NDArray[Any]] | NDArray[Any]:
        return self.whole.stored_many(self.indices[list(indices)].tolist())

    def size(self, index: int) -> tuple[int, int]:
        return self.whole.size(int(self.indices[index]))

    def remarks(self, index: int) -> tuple[str, ...]:
        return self.whole.remarks(int(self.indices[index]))

    def has_alpha(self, index: int) -> bool:
        return self.whole.has_alpha(int(self.indices[index]))

    def notes(self) -> tuple[str, ...]:
        return self.whole.notes()

    def labels(self, name: str, indices: Sequence[int] | None = None) -> NDArray[Any]:
        chosen = self.indices if indices is None else self.indices[list(indices)]
        return self.whole.labels(name, chosen.tolist())

    def label_classes(self, name: str) -> tuple[str, ...]:
        return self.whole.label_classes(name)

    def close(self) -> None:
        self.whole.close()


class _ChosenNames(Names):
    """The names at `indices` in `names`."""

    def __init__(self, names: Sequence[str], indices: NDArray[np.int64]) -> None:
        self._names, self._indices = names, indices

    def __len__(self) -> int:
        return len(self._indices)

    def _name(self, index: int) -> str:
        return self._names[int(self._indices[index])]
