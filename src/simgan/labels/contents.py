"""`FolderContents`: which files a folder has, for readers of labels; `read_text` reads a small text file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from simgan.errors import DataError
from simgan.labels.names import NameIndex

MAX_TEXT = 16 * 2**20  # bytes of a text file for one image, or of a list of classes. Ours: far more than they have.


@dataclass(frozen=True)
class FolderContents:
    """The files of a folder of images."""

    root: Path
    names: Sequence[str]
    """The images: posix paths relative to `root`."""
    others: Sequence[str]
    """Files that are not pictures: posix paths relative to `root`."""
    masks: Mapping[int, str]
    """For the index of each image that has a mask, the path of the mask relative to `root`."""
    size: Callable[[int], tuple[int, int]]
    """Gives (H, W) of the image at an index. Raises DataError if the image cannot be read."""

    @cached_property
    def index(self) -> NameIndex:
        """Finds an image by its name."""
        return NameIndex(self.names)

    def require_all(self, indices: Sequence[int], labelled: Mapping[int, object], what: str) -> None:
        """Raises DataError, naming the first image, if an image of `indices` is not in `labelled`.

        `what`: what each image must have, in words: 'a mask'.
        """
        missing = [index for index in indices if index not in labelled]
        if missing:
            raise DataError(
                f"{self.root}: expected {what} for each image, received none for {len(missing)} of {len(indices)} "
                f"images, the first {self.names[missing[0]]!r}; add what is missing, or select the images that have "
                "labels with --images (train: --synthetic-images, --real-images)"
            )


def read_text(path: Path, max_bytes: int = MAX_TEXT) -> str:
    """The text of a UTF-8 file. Raises DataError if it is too large, unreadable or of another encoding."""
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise DataError(f"{path}: expected at most {max_bytes} bytes, received {size}; split or remove the file")
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise DataError(
            f"{path}: expected a readable file, received the error {error.strerror!r}; change its permissions"
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: expected text in UTF-8, received another byte at position {error.start}; save the file as UTF-8"
        ) from error
