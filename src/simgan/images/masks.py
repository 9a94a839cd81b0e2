"""Finding the pictures in a folder that are labels of other pictures (masks, depth, normals), by name and content."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from PIL import Image

from simgan.errors import DataError
from simgan.images.picture import FORMATS
from simgan.images.sampling import evenly_spaced

# Words that mark a file or folder as labels if they occur in its name between separators such as '_' or '-'.
LABEL_WORDS = frozenset(
    re.findall(
        r"\w+",
        """mask masks seg segs segm segmentation segmentations semantic semantics label labels labelids labeltrainids
        instance instances instanceids gt groundtruth gtfine gtcoarse annotation annotations depth depths normal
        normals matte mattes disparity disp flow albedo uv index ids id parsing
        segmentationclass segmentationobject""",
    )
)
# Words that mark a picture as an image. They are ignored when names of images and labels are compared.
_IMAGE_WORDS = frozenset(
    ("image", "images", "img", "imgs", "rgb", "color", "colour", "photo", "photos", "render", "renders", "leftimg8bit")
)
_SAMPLE = 8  # pictures of each group that are read
# A picture is flat (has few colours) if its 16 commonest colours cover 95 % of it: edges of masks may be smoothed.
_COLOURS, _COVERED = 16, 0.95
_FOLDERS = 8  # if more folders hold the same file names, each is a person or a sequence, not a kind of label
FLAG = "--images (train: --synthetic-images, --real-images)"


class LabelGroup(NamedTuple):
    """A group of pictures that are labels of other pictures."""

    where: str
    """The folder or the pattern of names of the group: 'masks/' or '*mask*'."""
    names: tuple[str, ...]


def find_labels(root: Path, names: Sequence[str]) -> tuple[LabelGroup, ...]:
    """The groups of pictures in `names` (posix paths relative to `root`) that are labels of the other pictures.

    A group counts as labels if three conditions hold: a word of LABEL_WORDS is in its folder or file names, most of
    its pictures share their name with another picture, and its pictures have few colours or a Pillow mode that no
    other picture has. Raises DataError if names and content contradict each other."""
    groups: dict[str, list[str]] = {}
    others: list[str] = []
    for name in names:
        where = _label_place(name)
        (groups.setdefault(where, []) if where else others).append(name)
    if not others:  # such as photographs in the folders 'with_mask' and 'without_mask'
        return ()
    stems = {_shared_words(name) for name in others}
    found = []
    for where, members in groups.items():
        paired = sum(_shared_words(name) in stems for name in members) * 2 >= len(members)
        if _are_labels(root, where, members, others, paired):
            found.append(LabelGroup(where, tuple(members)))
    _check_neutral_folders(root, others)
    return tuple(found)


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", text.lower()) if word]


def _label_place(name: str) -> str | None:
    """The folder, or the pattern of file names, that marks `name` as a label; None if no part of `name` does."""
    path = PurePosixPath(name)
    for folder in reversed(path.parents):
        if LABEL_WORDS.intersection(_words(folder.name)):
            return f"{folder}/"
    words = [word for word in _words(path.stem) if word in LABEL_WORDS]
    inside = "" if path.parent == PurePosixPath() else f"{path.parent}/"
    return f"{inside}*{words[-1]}*" if words else None


def _shared_words(name: str) -> tuple[str, ...]:
    """The words of a file name that an image and its labels have in common."""
    words = _words(PurePosixPath(name).stem)
    return tuple(word for word in words if word not in LABEL_WORDS and word not in _IMAGE_WORDS)


def _are_labels(root: Path, where: str, members: list[str], others: list[str], paired: bool) -> bool:
    """Whether the group `members` are labels. `paired`: most of them share their name with one of `others`."""
    sample = list(_read_sample(root, members))
    flat = 2 * sum(picture.flat for picture in sample) >= len(sample)
    if paired and (flat or not _modes(sample) & _modes(_read_sample(root, others))):
        return True
    if not paired and not flat:
        return False
    reason = (
        "that have the same names as other pictures, but many colours, like photographs"
        if paired
        else "that have few colours, like masks, but no other picture has the same name"
    )
    raise _unclear(root, where, f"{len(members)} picture(s) {reason}")


def _unclear(root: Path, where: str, received: str) -> DataError:
    return DataError(
        f"{root}: expected images, and labels that are clearly labels by name and content, received in {where!r} "
        f"{received}; tell which files are the images with {FLAG}: for example 'images/*', or '*' for all files"
    )


class _Picture(NamedTuple):
    """The Pillow mode of a picture, and whether the picture has few colours."""

    mode: str
    flat: bool


def _modes(pictures: Iterable[_Picture]) -> set[str]:
    return {picture.mode.removesuffix("A") for picture in pictures}


def _read_sample(root: Path, names: Sequence[str]) -> Iterator[_Picture]:
    """The readable pictures of an evenly spaced sample of `names`."""
    for index in evenly_spaced(len(names), _SAMPLE):
        try:
            with Image.open(root / names[index], formats=FORMATS) as picture:
                yield _Picture(picture.mode, picture.mode in ("1", "P", "PA") or _is_flat(picture))
        except Exception:  # decoders raise any exception; the code that uses the picture reports it
            continue


def _is_flat(picture: Image.Image) -> bool:
    """Whether `picture` has few colours; see _COLOURS."""
    pixels = np.asarray(picture)
    rows = np.ascontiguousarray(pixels.reshape(picture.width * picture.height, -1))
    colours = np.unique(rows.view([("", rows.dtype)] * rows.shape[1]), return_counts=True)[1]
    return bool(np.sort(colours)[-_COLOURS:].sum() >= _COVERED * len(rows)) and len(rows) > 4 * _COLOURS


def _check_neutral_folders(root: Path, names: Sequence[str]) -> None:
    """Raises DataError if several folders hold the same file names, and one has few colours while another has many."""
    folders: dict[str, list[str]] = {}
    for name in names:
        folders.setdefault(str(PurePosixPath(name).parent), []).append(name)
    if not 1 < len(folders) <= _FOLDERS:
        return
    counts = Counter(stem for members in folders.values() for stem in {_shared_words(name) for name in members})
    flat = {}
    for where, members in folders.items():
        if 2 * sum(counts[_shared_words(name)] > 1 for name in members) >= len(members):
            sample = list(_read_sample(root, members))
            flat[where] = bool(sample) and all(picture.flat for picture in sample)
    if any(flat.values()) and not all(flat.values()):
        where = next(where for where, is_flat in flat.items() if is_flat)
        received = (
            f"{len(folders[where])} picture(s) with few colours, like masks, and the same names as other pictures"
        )
        raise _unclear(root, f"{where}/", received)
