"""Reading a folder of PNG, JPEG, TIFF and BMP files, including its subfolders."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.images import picture
from simgan.images.channels import to_channels
from simgan.images.known_sizes import KnownSizes
from simgan.images.mask_pairs import pair_masks
from simgan.images.masks import FLAG, find_label_pictures, label_pictures_by_name, only_flat
from simgan.images.source import ImageSource
from simgan.images.threads import in_threads
from simgan.labels import FolderContents, find_labels

# Formats of pictures that are not read. A note lists such files, because a user may think that they are used.
_NOT_READ = (".webp", ".exr", ".hdr", ".gif", ".jp2", ".heic", ".avif", ".dng", ".tga", ".ppm", ".pgm", ".dds")
_INSPECTED = 64  # images whose labels are read at once to find the shape of a label. Ours.


@dataclass(frozen=True)
class Listing:
    """The files and folders below a folder as relative posix paths.

    `images` are the files with the extension of a picture, and `others` all other files, both sorted. `folders` holds
    parents before their subfolders. `hidden` counts hidden files and folders, whose names begin with a dot.
    """

    images: tuple[str, ...]
    others: tuple[str, ...]
    folders: tuple[str, ...]
    hidden: int = 0


def list_folder(folder: Path, *, follow_links: bool = True) -> Listing:
    """Lists the files below `folder`.

    Raises DataError for a broken link, a link in a circle, a device, or a folder that cannot be read. If
    `follow_links` is False, raises it also for a link to a folder and for a link to a file outside `folder`."""
    images: list[str] = []
    others: list[str] = []
    folders: list[str] = []
    hidden = 0
    root = folder.resolve()
    holders: dict[str, tuple[str, ...]] = {
        str(folder): (os.path.realpath(folder),)
    }  # for each folder still to be listed, the real paths of the folders that contain it
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
            f"{path}: expected a folder, received a link to a folder; copy that folder here, remove the link, or "
            "allow links (--follow-links)"
        )
    if os.path.realpath(path) in above:
        raise DataError(
            f"{path}: expected a folder, received a link to a folder that contains the link; remove the link"
        )


def _alike(names: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of names that differ only in upper and lower case, or in the Unicode form of an accent."""
    first: dict[str, str] = {}  # the first name of each case-folded form
    pairs = ((first.setdefault(normalize("NFC", name).casefold(), name), name) for name in names)
    return [(one, other) for one, other in pairs if one != other]


def _unreadable(error: OSError) -> None:
    raise DataError(
        f"{error.filename}: expected a readable folder, received the error {error.strerror!r}; change its permissions"
    ) from error


def _check_file(path: Path, root: Path, follow_links: bool) -> None:
    # Path.resolve is not used: for links in a circle, some versions of Python raise an error.
    if not follow_links and path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(root):
        raise DataError(
            f"{path}: expected a file inside the folder, received a link to a file outside; copy that file here, or "
            "allow links (--follow-links)"
        )
    if not path.is_file():
        raise DataError(
            f"{path}: expected a file, received a broken link or a device; remove it, or download the linked file "
            "('dvc pull', 'git annex get')"
        )


def _chosen(path: Path, names: Sequence[str], pattern: str) -> tuple[str, ...]:
    """The `names` that match at least one of the globs in `pattern`; '*' matches '/' as well."""
    globs = [glob.strip() for glob in pattern.split(",")]
    chosen = tuple(name for name in names if any(fnmatchcase(name, glob) for glob in globs))
    if not chosen:
        raise DataError(
            f"{path}: expected image files that match images= (--images) {pattern!r}, received none among "
            f"{len(names)} picture files, the first {names[0]!r}; give globs of paths below the folder, such as "
            "'rgb/*.png'"
        )
    return chosen


class FolderSource(ImageSource):
    """The pictures of a folder, named by their posix paths below it. `write_like` copies all other files.

    Args:
        path: the folder.
        pattern: globs, separated by commas, that select the images among the picture files. By default all pictures
            except masks and other labels; see masks.py.
        channels: 1 or 3, to which every picture is converted. By default pictures are not converted.
        follow_links: whether links to folders, and links to files outside the folder, are followed.
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
                "convert the files or give another folder"
            )
        pictures = self.listing.images
        self.label_groups = find_label_pictures(path, pictures) if pattern is None else ()
        if pattern is None:
            labels = {name for group in self.label_groups for name in group.names}
            names = tuple(name for name in pictures if name not in labels)
        else:
            names = _chosen(path, pictures, pattern)
        self._only_flat = pattern is None and not self.label_groups and only_flat(path, names)
        used = set(names)
        self.copied_files = (*self.listing.others, *(name for name in pictures if name not in used))
        groups = self.label_groups or label_pictures_by_name([name for name in pictures if name not in used])
        masks, self._mask_notes = pair_masks(names, groups)
        self._sizes = KnownSizes(len(names))
        self._found = find_labels(FolderContents(path, names, self.listing.others, masks, self.size))
        self.read_files = self._found.files - self._found.unread  # they hold labels of this source
        super().__init__(path, "folder of image files", names, tuple(self._found.labels))
        self.pattern, self.wanted_channels, self.follow_links = pattern, channels, follow_links

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

    def has_alpha(self, index: int) -> bool:
        return picture.has_alpha(self.file(index), self.where(index))

    def labels(self, name: str, indices: Sequence[int] | None = None) -> NDArray[Any]:
        self.check_label_name(name)
        return self._found.labels[name].read(range(len(self)) if indices is None else [int(one) for one in indices])

    def label_classes(self, name: str) -> tuple[str, ...]:
        self.check_label_name(name)
        return self._found.labels[name].classes

    def inspect_label(self, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
        # In parts: the masks of a large folder do not fit into memory.
        shapes = set()
        for start in range(0, len(self), _INSPECTED):
            part = self.labels(name, range(start, min(start + _INSPECTED, len(self))))
            shapes.add(part.shape[1:])
            if len(shapes) > 1:
                received = " and ".join(map(str, sorted(shapes)))
                raise DataError(
                    f"{self.path}: expected the label {name!r} to have one shape for all images, received {received}; "
                    "give images of one size with --images"
                )
        return (len(self), *shapes.pop()), part.dtype

    def notes(self) -> tuple[str, ...]:
        notes = [
            f"{len(group.names)} picture(s) in {group.where!r} look like masks or other labels, so they are not used "
            f"as images but copied unchanged; if they are images, select the images with {FLAG}"
            for group in self.label_groups
        ]
        notes += [*self._found.notes, *self._mask_notes]
        if self._only_flat:
            notes.append(
                "all pictures of a sample have few colours, as masks or drawings have; if they are labels of images, "
                "give the folder of these images"
            )
        unmatched = len(self.listing.images) - len(self) if self.pattern is not None else 0
        if unmatched:
            notes.append(
                f"{unmatched} picture(s) do not match --images {self.pattern!r}; they are only copied, unchanged"
            )
        if self.wanted_channels is not None:
            notes.append(
                f"every picture is converted to {self.wanted_channels} channel(s), as --channels asks; refined "
                "pictures have the same number of channels"
            )
        unread = Counter(suffix for name in self.listing.others if (suffix := Path(name).suffix.lower()) in _NOT_READ)
        if unread:
            listed = ", ".join(f"{count} with {suffix}" for suffix, count in unread.most_common(5))
            notes.append(f"pictures in formats that cannot be read are not used: {listed}; convert them to PNG")
        if self.listing.hidden:
            notes.append(f"{self.listing.hidden} hidden file(s) or folder(s) are neither read nor copied")
        unused = (name for name in self.listing.others if name not in self._found.files)
        others = Counter(Path(name).suffix or "no extension" for name in unused)
        if others:
            listed = ", ".join(f"{count} with {suffix}" for suffix, count in others.most_common(5))
            more = ", ..." if len(others) > 5 else ""
            notes.append(f"{others.total()} other file(s) are not read, but copied unchanged: {listed}{more}")
        alike = _alike((*self.listing.images, *self.listing.others, *self.listing.folders))
        if alike:
            listed = ", ".join(f"{one!r} and {other!r}" for one, other in alike[:3])
            more = ", ..." if len(alike) > 3 else ""
            notes.append(f"{len(alike)} pair(s) of names are the same name on Windows and macOS: {listed}{more}")
        return tuple(notes)

    def close(self) -> None:
        pass
