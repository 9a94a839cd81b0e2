"""Which pictures of a folder are labels (masks, depth, normals) of the others, by their names and their content."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from PIL import Image

from simgan.errors import DataError
from simgan.images.picture import FORMATS
from simgan.images.sampling import evenly_spaced

# Words, between separators, in the name of a file or of a folder that holds labels.
LABEL_WORDS = frozenset(
    re.findall(
        r"\w+",
        """mask masks seg segs segm segmentation segmentations semantic semantics label labels labelids labeltrainids
        instance instances instanceids gt groundtruth gtfine gtcoarse annotation annotations depth depths normal
        normals matte mattes disparity disp flow albedo uv index ids id parsing
        segmentationclass segmentationobject""",
    )
)
# Words that tell pictures from their labels, and are no part of what both have in common.
_IMAGE_WORDS = frozenset(
    ("image", "images", "img", "imgs", "rgb", "color", "colour", "photo", "photos", "render", "renders", "leftimg8bit")
)
_SAMPLE = 8  # pictures of each group that are looked at
_COLOURS, _COVERED = 16, 0.95  # a mask's commonest colours cover nearly all of it; edges may be smoothed
_FOLDERS = 8  # of more folders with the same names each is a person or a sequence, not a kind of label
FLAG = "--images (train: --synthetic-images, --real-images)"


class LabelGroup(NamedTuple):
    """Pictures that are labels of others."""

    where: str
    """'masks/', or 'files named *_mask'."""
    names: tuple[str, ...]


def find_labels(root: Path, names: Sequence[str]) -> tuple[LabelGroup, ...]:
    """The groups among `names`, relative posix paths of pictures below `root`, that are labels of the others.

    A group is labels if its names say so, its pictures have the names of others, and they are of few colours or of
    another kind than the others. DataError if the names say one thing and the content another.
    """
    groups: dict[str, list[str]] = {}
    others: list[str] = []
    for name in names:
        where = _label_place(name)
        (groups.setdefault(where, []) if where else others).append(name)
    if not others:  # 'with_mask' and 'without_mask' are two kinds of photographs
        return ()
    stems = {_common(name) for name in others}
    found = []
    for where, members in groups.items():
        paired = sum(_common(name) in stems for name in members) * 2 >= len(members)
        if _are_labels(root, where, members, others, paired):
            found.append(LabelGroup(where, tuple(members)))
    _check_neutral_folders(root, others)
    return tuple(found)


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", text.lower()) if word]


def _label_place(name: str) -> str | None:
    """The folder, or the pattern of file names, that says that `name` is a label; None if nothing does."""
    path = PurePosixPath(name)
    for folder in reversed(path.parents):
        if LABEL_WORDS.intersection(_words(folder.name)):
            return f"{folder}/"
    words = [word for word in _words(path.stem) if word in LABEL_WORDS]
    inside = "" if path.parent == PurePosixPath() else f"{path.parent}/"
    return f"{inside}*{words[-1]}*" if words else None


def _common(name: str) -> tuple[str, ...]:
    """What the name of a picture shares with those of its labels."""
    words = _words(PurePosixPath(name).stem)
    return tuple(word for word in words if word not in LABEL_WORDS and word not in _IMAGE_WORDS)


def _are_labels(root: Path, where: str, members: list[str], others: list[str], paired: bool) -> bool:
    looks = list(_looks(root, members))
    flat = 2 * sum(look.flat for look in looks) >= len(looks)
    if paired and (flat or not _modes(looks) & _modes(_looks(root, others))):
        return True
    if not paired and not flat:
        return False
    reason = (
        "that have the names of other pictures but look like photographs"
        if paired
        else "of few colours that have no picture of the same name"
    )
    raise _doubt(root, where, f"{len(members)} picture(s) {reason}")


def _doubt(root: Path, where: str, received: str) -> DataError:
    return DataError(
        f"{root}: expected pictures, with labels beside them that can be told from them, received in {where!r} "
        f"{received}; say which files are the images with {FLAG}, say 'images/*', or '*' for all"
    )


class _Look(NamedTuple):
    mode: str
    flat: bool


def _modes(looks: Sequence[_Look] | Iterator[_Look]) -> set[str]:
    return {look.mode.removesuffix("A") for look in looks}


def _looks(root: Path, names: Sequence[str]) -> Iterator[_Look]:
    """The readable pictures of a sample: of which Pillow mode, and whether of few colours."""
    for index in evenly_spaced(len(names), _SAMPLE):
        try:
            with Image.open(root / names[index], formats=FORMATS) as picture:
                yield _Look(picture.mode, picture.mode in ("1", "P", "PA") or _is_flat(picture))
        except Exception:  # decoders raise anything; whoever uses the picture says what is wrong with it
            continue


def _is_flat(picture: Image.Image) -> bool:
    pixels = np.asarray(picture)
    rows = np.ascontiguousarray(pixels.reshape(picture.width * picture.height, -1))
    colours = np.unique(rows.view([("", rows.dtype)] * rows.shape[1]), return_counts=True)[1]
    return bool(np.sort(colours)[-_COLOURS:].sum() >= _COVERED * len(rows)) and len(rows) > 4 * _COLOURS


def _check_neutral_folders(root: Path, names: Sequence[str]) -> None:
    """DataError if one of several folders with the same file names is of few colours, and another is not."""
    folders: dict[str, list[str]] = {}
    for name in names:
        folders.setdefault(str(PurePosixPath(name).parent), []).append(name)
    if not 1 < len(folders) <= _FOLDERS:
        return
    counts = Counter(stem for members in folders.values() for stem in {_common(name) for name in members})
    flat = {}
    for where, members in folders.items():
        if 2 * sum(counts[_common(name)] > 1 for name in members) >= len(members):
            looks = list(_looks(root, members))
            flat[where] = bool(looks) and all(look.flat for look in looks)
    if any(flat.values()) and not all(flat.values()):
        where = next(where for where, is_flat in flat.items() if is_flat)
        received = f"{len(folders[where])} picture(s) of few colours that have the names of others"
        raise _doubt(root, f"{where}/", received)
