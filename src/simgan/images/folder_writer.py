"""Writing a folder of image files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from numpy.typing import NDArray

from simgan.images import picture
from simgan.images.copying import copy_file
from simgan.images.folder import FolderSource
from simgan.images.threads import in_threads
from simgan.images.writer import ImageWriter


class FolderWriter(ImageWriter[FolderSource]):
    """Writes pictures under the relative names of the input. PNG, TIFF and BMP are lossless; JPEG has quality 95."""

    leaves_out = True

    def copied_beside(self, index: int) -> tuple[str, ...]:
        image = PurePosixPath(self.source.names[index])
        beside = self._copied_by_stem.get(image.stem, ())
        if self._images_of[image.stem] == 1:
            return beside
        return tuple(name for name in beside if PurePosixPath(name).parent == image.parent)

    @cached_property
    def _images_of(self) -> Counter[str]:
        """The number of images with each name, without suffix and folders."""
        return Counter(PurePosixPath(name).stem for name in self.source.names)

    @cached_property
    def _copied_by_stem(self) -> dict[str, tuple[str, ...]]:
        """The files that are copied, by their names without suffix and folders."""
        found: dict[str, list[str]] = {}
        for name in self.source.copied_files:
            found.setdefault(PurePosixPath(name).stem, []).append(name)
        return {stem: tuple(sorted(names)) for stem, names in found.items()}

    def _begin(self) -> None:
        listing = self.source.listing
        self.partial.mkdir()
        for name in listing.folders:
            (self.partial / name).mkdir()
        for name in self.source.copied_files:
            copy_file(self.source.path / name, self.partial / name)

    def _put(self, index: int, image: NDArray[Any]) -> None:
        encoded = picture.encode(image, self.source.file(index), self.source.where(index))
        (self.partial / self.source.names[index]).write_bytes(encoded)

    def _put_many(self, indices: Sequence[int], images: Sequence[NDArray[Any]] | NDArray[Any]) -> None:
        in_threads(lambda pair: self._put(*pair), list(zip(indices, images, strict=True)), images[0].nbytes)

    def _leave_out(self, index: int) -> None:
        pass  # no file was made yet

    def _finish(self) -> None:
        pass

    def _release(self) -> None:
        pass
