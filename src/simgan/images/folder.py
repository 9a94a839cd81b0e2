"""A folder of PNG, JPEG, TIFF and BMP files, at any depth."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unicodedata import normalize

from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.images import picture
from simgan.images.known_sizes import KnownSizes
from simgan.images.source import ImageSource
from simgan.images.threads import in_threads


@dataclass(frozen=True)
class Listing:
    """The files below a folder as relative posix paths, sorted. Hidden ones (a name with a leading dot) are left out.

    `folders` are those below the folder, parents first; `others` all files that are not images by their extension.
    """

    images: tuple[str, ...]
    others: tuple[str, ...]
    folders: tuple[str, ...]


def list_folder(folder: Path) -> Listing:
    """What lies below `folder`. DataError for links to folders or outside, devices and unreadable folders."""
    images: list[str] = []
    others: list[str] = []
    folders: list[str] = []
    root = folder.resolve()
    for current, below, files in os.walk(folder, onerror=_unreadable):
        below[:] = sorted(name for name in below if not name.startswith("."))
        here = Path(current)
        for name in below:
            if (here / name).is_symlink():
                raise DataError(
                    f"{here / name}: expected a folder, received a link to one; copy it here or remove the link"
                )
            folders.append((here / name).relative_to(folder).as_posix())
        for name in files:
            if name.startswith("."):
                continue
            path = here / name
            _check_file(path, root)
            is_image = path.suffix.lower() in picture.EXTENSIONS
            (images if is_image else others).append(path.relative_to(folder).as_posix())
    return Listing(tuple(sorted(images)), tuple(sorted(others)), tuple(folders))


def _alike(names: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of names that differ in case, or in how an accent is written, alone."""
    first: dict[str, str] = {}
    pairs = ((first.setdefault(normalize("NFC", name).casefold(), name), name) for name in names)
    return [(one, other) for one, other in pairs if one != other]


def _unreadable(error: OSError) -> None:
    raise DataError(
        f"{error.filename}: expected a readable folder, received {error.strerror!r}; change its permissions"
    ) from error


def _check_file(path: Path, root: Path) -> None:
    # Not Path.resolve: where links lead in a circle it raises, depending on the version of Python.
    if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(root):
        raise DataError(f"{path}: expected a file of the folder, received a link leading outside; copy the file here")
    if not path.is_file():
        raise DataError(f"{path}: expected a file, received a broken link or a device; remove it")


class FolderSource(ImageSource):
    """Image files, named by their relative posix path. No labels are read; other files only matter to `write_like`."""

    def __init__(self, path: Path) -> None:
        self.listing = list_folder(path)
        if not self.listing.images:
            seen = Counter(Path(name).suffix or "no extension" for name in self.listing.others)
            received = ", ".join(f"{count} with {suffix}" for suffix, count in seen.most_common(5)) or "no files"
            raise DataError(
                f"{path}: expected a folder with images ({', '.join(picture.EXTENSIONS)}), received {received}; "
                "convert them or name another folder"
            )
        super().__init__(path, "folder of image files", self.listing.images)
        self._sizes = KnownSizes(len(self))

    def file(self, index: int) -> Path:
        """The path of image `index`."""
        return self.path / self.names[index]

    def stored(self, index: int) -> NDArray[Any]:
        return self._sizes.note(index, picture.read(self.file(index), self.where(index)))

    def stored_many(self, indices: Sequence[int]) -> list[NDArray[Any]]:
        first = self.stored(indices[0])
        return [first, *in_threads(self.stored, indices[1:], first.nbytes)]

    def size(self, index: int) -> tuple[int, int]:
        return self._sizes.of(index) or picture.size(self.file(index), self.where(index))

    def remarks(self, index: int) -> tuple[str, ...]:
        turned = picture.orientation(self.file(index), self.where(index))
        return () if turned == 1 else ("turned by EXIF orientation and used as stored",)

    def notes(self) -> tuple[str, ...]:
        notes = []
        others = Counter(Path(name).suffix or "no extension" for name in self.listing.others)
        if others:
            listed = ", ".join(f"{count} with {suffix}" for suffix, count in others.most_common(5))
            more = ", ..." if len(others) > 5 else ""
            notes.append(f"{others.total()} other file(s), carried over unread: {listed}{more}")
        alike = _alike((*self.listing.images, *self.listing.others, *self.listing.folders))
        if alike:
            listed = ", ".join(f"{one!r} and {other!r}" for one, other in alike[:3])
            more = ", ..." if len(alike) > 3 else ""
            notes.append(f"{len(alike)} pair(s) of names that Windows and macOS take for one: {listed}{more}")
        return tuple(notes)

    def close(self) -> None:
        pass
