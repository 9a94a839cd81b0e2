"""Writing a folder of image files."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from simgan.images import picture
from simgan.images.folder import FolderSource
from simgan.images.threads import in_threads
from simgan.images.writer import ImageWriter


class FolderWriter(ImageWriter[FolderSource]):
    """Writes pictures under the relative names of the input. PNG, TIFF and BMP are lossless; JPEG has quality 95."""

    leaves_out = True

    def _begin(self) -> None:
        listing = self.source.listing
        self.partial.mkdir()
        for name in listing.folders:
            (self.partial / name).mkdir()
        for name in self.source.carried:
            shutil.copyfile(
                self.source.path / name, self.partial / name
            )  # copies the content behind a link, not the link

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
