"""A data set whose images are changed one by one before R sees them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, SupportsIndex

from numpy.typing import NDArray

from simgan.images.source import ImageSource


class ChangedImages(ImageSource):
    """The images of `whole`, each changed, in the type in which they are stored. `close` closes `whole` too.

    Changed integers are rounded. So a changed set takes as much memory as `whole`, and R sees the same pixels whether
    images are read one by one or kept in memory.
    """

    def __init__(self, whole: ImageSource) -> None:
        super().__init__(whole.path, whole.kind, whole.names, whole.label_names)
        self.whole = whole
        self._take_after(whole)

    @abstractmethod
    def change(self, index: int, image: NDArray[Any]) -> NDArray[Any]:
        """The changed version of image `index`, (H, W, C), in its stored type. Its size stays."""

    def stored(self, index: int) -> NDArray[Any]:
        """Image `index`, changed; an image that cannot be used raises DataError."""
        return self.change(index, self.whole[index])

    def size(self, index: int) -> tuple[int, int]:
        """See `ImageSource.size`."""
        return self.whole.size(index)

    def labels(self, name: str, indices: Sequence[int] | None = None) -> NDArray[Any]:
        """See `ImageSource.labels`."""
        return self.whole.labels(name, indices)

    def label_classes(self, name: str) -> tuple[str, ...]:
        """See `ImageSource.label_classes`."""
        return self.whole.label_classes(name)

    def __getitem__(self, index: SupportsIndex) -> NDArray[Any]:
        """See `ImageSource`. The image has been checked before it was changed, so it needs no further check."""
        return self.stored(self._position(index))

    def read(self, indices: Sequence[SupportsIndex]) -> list[NDArray[Any]]:
        """See `ImageSource.read`."""
        places = [self._position(index) for index in indices]
        return [self.change(place, image) for place, image in zip(places, self.whole.read(indices), strict=True)]

    def close(self) -> None:
        """See `ImageSource.close`."""
        self.whole.close()
