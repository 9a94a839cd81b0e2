"""A folder of PNG, JPEG, TIFF and BMP files, at any depth."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from unicodedata import normalize

from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.images import picture
from simgan.images.channels import to_channels
from simgan.images.known_sizes import KnownSizes
from simgan.images.masks import FLAG, find_labels
from simgan.images.source import ImageSource
from simgan.images.threads import in_threads

# Pictures in other formats: said by name, since a user may take them for used.
_NOT_READ = (".webp", ".exr", ".hdr", ".gif", ".jp2", ".heic", ".avif", ".dng", ".tga", ".ppm", ".pgm", ".dds")


@dataclass(frozen=True)
class Listing:
    """The files below a folder as relative posix paths, sorted. Hidden ones (a name with a leading dot) are counted.

    `folders` are those below the folder, parents first; `others` all files that are not images by their extension.
    """

    images: tuple[str, ...]
    others: tuple[str, ...]
    folders: tuple[str, ...]
    hidden: int = 0


def list_folder(folder: Path, *, follow_links: bool = True) -> Listing:
    """What lies below `folder`. DataError for links in a circle, broken ones, devices and unreadable folders.

    Without `follow_links` also for links to folders, and to files outside.
    """
    images: list[str] = []
    others: list[str] = []
    folders: list[str] = []
    hidden = 0
    root = folder.resolve()
    holders: dict[str, tuple[str, ...]] = {
        str(folder): (os.path.realpath(folder),)
    }  # the real folders on the way to each that is still to come
    for current, below, files in os.walk(folder, onerror=_unreadable, followlinks=follow_links):
        hidden += sum(name.startswith(".") for name in (*below, *files))
        below[:] = sorted(name for name in below if not name.startswith("."))
        here, above = Path(current), holders.pop(str(Path(current)))
        for name in below:
            if (here / name).is_symlink():
                _check_folder_link(here / name, above, follow_links)
            holders[str(here / name)] = (*above, os.path.realpath(here / name))
            folders.append((here / name).relative_to(folder).as_posix())
        for name in files:
            if name.startswith("."):
                continue
            path = here / name
            _check_file(path, root, follow_links)
            is_image = path.suffix.lower() in picture.EXTENSIONS
            (images if is_image else others).append(path.relative_to(folder).as_posix())
    return Listing(tuple(sorted(images)), tuple(sorted(others)), tuple(folders), hidden)


def _check_folder_link(path: Path, above: Sequence[str], follow_links: bool) -> None:
    if not follow_links:
        raise DataError(
            f"{path}: expected a folder, received a link to one; copy it here, remove the link, or follow links"
        )
    if os.path.realpath(path) in above:
        raise DataError(
            f"{path}: expected a folder, received a link in a circle, to a folder that holds it; remove the link"
        )


def _alike(names: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of names that differ in case, or in how an accent is written, alone."""
    first: dict[str, str] = {}
    pairs = ((first.setdefault(normalize("NFC", name).casefold(), name), name) for name in names)
    return [(one, other) for one, other in pairs if one != other]


def _unreadable(error: OSError) -> None:
    raise DataError(
        f"{error.filename}: expected a readable folder, received {error.strerror!r}; change its permissions"
    ) from error


def _check_file(path: Path, root: Path, follow_links: bool) -> None:
    # Not Path.resolve: where links lead in a circle it raises, depending on the version of Python.
    if not follow_links and path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(root):
        raise DataError(
            f"{path}: expected a file of the folder, received a link leading outside; copy the file here, or follow "
            "links"
        )
    if not path.is_file():
        raise DataError(
            f"{path}: expected a file, received a broken link or a device; remove it, or fetch what it links to "
            "('dvc pull', 'git annex get')"
        )


def _chosen(path: Path, names: Sequence[str], pattern: str) -> tuple[str, ...]:
    """Those of `names` that one of the globs in `pattern` matches; '*' matches '/' as well."""
    globs = [glob.strip() for glob in pattern.split(",")]
    chosen = tuple(name for name in names if any(fnmatchcase(name, glob) for glob in globs))
    if not chosen:
        raise DataError(
            f"{path}: expected image files that match images= (--images) {pattern!r}, received none among "
            f"{len(names)}, the first {names[0]!r}; give globs of paths below the folder, say 'rgb/*.png'"
        )
    return chosen


class FolderSource(ImageSource):
    """Image files, named by their relative posix path. No labels are read; other files only matter to `write_like`.

    Args:
        path: the folder.
        pattern: globs, separated by commas: which picture files are the images. By default all that are not labels
            of others; see masks.py.
        channels: 1 or 3: what every picture is converted to; by default each has its own.
        follow_links: whether links to folders, and to files outside, are followed.
    """

    def __init__(
        self, path: Path, pattern: str | None = None, channels: int | None = None, *, follow_links: bool = True
    ) -> None:
        self.listing = list_folder(path, follow_links=follow_links)
        if not self.listing.images:
            seen = Counter(Path(name).suffix or "no extension" for name in self.listing.others)
            received = ", ".join(f"{count} with {suffix}" for suffix, count in seen.most_common(5)) or "no files"
            raise DataError(
                f"{path}: expected a folder with images ({', '.join(picture.EXTENSIONS)}), received {received}; "
                "convert them or name another folder"
            )
        pictures = self.listing.images
        self.label_groups = find_labels(path, pictures) if pattern is None else ()
        if pattern is None:
            labels = {name for group in self.label_groups for name in group.names}
            names = tuple(name for name in pictures if name not in labels)
        else:
            names = _chosen(path, pictures, pattern)
        used = set(names)
        self.carried = (*self.listing.others, *(name for name in pictures if name not in used))
        super().__init__(path, "folder of image files", names)
        self.pattern, self.wanted_channels, self.follow_links = pattern, channels, follow_links
        self._sizes = KnownSizes(len(self))

    def file(self, index: int) -> Path:
        """The path of image `index`."""
        return self.path / self.names[index]

    def stored(self, index: int) -> NDArray[Any]:
        image = picture.read(self.file(index), self.where(index))
        return self._sizes.note(index, to_channels(image, self.wanted_channels))

    def stored_many(self, indices: Sequence[int]) -> list[NDArray[Any]]:
        first = self.stored(indices[0])
        return [first, *in_threads(self.stored, indices[1:], first.nbytes)]

    def size(self, index: int) -> tuple[int, int]:
        return self._sizes.of(index) or picture.size(self.file(index), self.where(index))

    def remarks(self, index: int) -> tuple[str, ...]:
        return picture.remarks(self.file(index), self.where(index))

    def notes(self) -> tuple[str, ...]:
        notes = [
            f"{len(group.names)} file(s) in {group.where} look like masks or other labels of the images, and are "
            f"carried over unchanged; name the images with {FLAG} to decide otherwise"
            for group in self.label_groups
        ]
        unmatched = len(self.listing.images) - len(self) if self.pattern is not None else 0
        if unmatched:
            notes.append(f"{unmatched} picture(s) do not match --images {self.pattern!r} and are carried over unread")
        if self.wanted_channels is not None:
            notes.append(
                f"every picture is converted to {self.wanted_channels} channel(s) on reading, as --channels says; "
                "refined pictures have as many"
            )
        unread = Counter(suffix for name in self.listing.others if (suffix := Path(name).suffix.lower()) in _NOT_READ)
        if unread:
            listed = ", ".join(f"{count} with {suffix}" for suffix, count in unread.most_common(5))
            notes.append(f"pictures in formats that are not read, so not used: {listed}; convert them to PNG")
        if self.listing.hidden:
            notes.append(f"{self.listing.hidden} hidden file(s) or folder(s) are neither read nor carried over")
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
