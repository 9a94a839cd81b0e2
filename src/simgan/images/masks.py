"""Finding the pictures in a folder that are labels of other pictures (masks, depth, normals), by name and content."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from simgan.errors import DataError
from simgan.images.flat_pictures import follow_outlines, modes, read_sample

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
_MAY_HOLD_LABEL_WORDS = re.compile("|".join(sorted(LABEL_WORDS)))
# Words that mark a picture as an image. They are ignored when names of images and labels are compared.
_IMAGE_WORDS = frozenset(
    ("image", "images", "img", "imgs", "rgb", "color", "colour", "photo", "photos", "render", "renders", "leftimg8bit")
)
_PATTERNS = 8  # if names have more patterns than this, a pattern is a person or a sequence, not a kind of label
_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
FLAG = "--images (train: --synthetic-images, --real-images)"


class LabelGroup(NamedTuple):
    """A group of pictures that are labels of other pictures."""

    where: str
    """The folder or the pattern of names of the group: 'masks/' or '*mask*'."""
    names: tuple[str, ...]


def find_label_pictures(root: Path, names: Sequence[str]) -> tuple[LabelGroup, ...]:
    """The groups of pictures in `names` (posix paths relative to `root`) that are labels of the other pictures.

    A group counts as labels if three conditions hold: a word of LABEL_WORDS is in its folder or file names, most of
    its pictures share their name with another picture, and its pictures have few colours or a Pillow mode that no
    other picture has. Raises DataError if names and content contradict each other."""
    groups: dict[str, list[str]] = {}
    others: list[str] = []
    words = [label_words(name) for name in names]
    # Words that all names have do not separate labels from images.
    in_all = frozenset.intersection(*words) if words else frozenset()
    for name, of_name in zip(names, words, strict=True):
        where = _label_place(name, in_all) if of_name - in_all else None
        (groups.setdefault(where, []) if where else others).append(name)
    stems = {shared_words(name) for name in others} if groups else set()
    found = []
    for where, members in groups.items():
        paired = sum(shared_words(name) in stems for name in members) * 2 >= len(members)
        if _are_labels(root, where, members, others, paired):
            found.append(LabelGroup(where, tuple(members)))
    _check_neutral_names(root, others)
    return tuple(found)


def label_pictures_by_name(names: Sequence[str]) -> tuple[LabelGroup, ...]:
    """The groups of `names` whose folder or file names have a word of LABEL_WORDS, whatever they contain."""
    groups: dict[str, list[str]] = {}
    for name in names:
        if label_words(name) and (where := _label_place(name, frozenset())):
            groups.setdefault(where, []).append(name)
    return tuple(LabelGroup(where, tuple(members)) for where, members in groups.items())


def only_flat(root: Path, names: Sequence[str]) -> bool:
    """Whether all pictures of a sample are flat, like masks or drawings, and not all of one colour."""
    several_colours = False
    for picture in read_sample(root, names):
        if not picture.flat:
            return False
        several_colours |= picture.several_colours
    return several_colours


def name_words(text: str) -> list[str]:
    """The words of a name in lower case: the parts between separators, and their parts by case and digits.

    '0001Mask' has the words '0001' and 'mask', 'leftImg8bit' is one word."""
    words = []
    for part in re.split(r"[\W_]+", text):
        whole = part.lower()
        known = whole in LABEL_WORDS or whole in _IMAGE_WORDS
        words += [whole] if known else [word.lower() for word in _WORD.findall(part)]
    return [word for word in words if word]


def label_words(name: str) -> frozenset[str]:
    """The words of LABEL_WORDS in the folders and the file name of `name`."""
    if not _MAY_HOLD_LABEL_WORDS.search(name.lower()):  # folders may hold a million names
        return frozenset()
    path = PurePosixPath(name)
    return LABEL_WORDS.intersection(word for part in (*path.parent.parts, path.stem) for word in name_words(part))


def _label_place(name: str, ignored: frozenset[str]) -> str | None:
    """The folder, or the pattern of file names, that marks `name` as a label; None if no part of `name` does.

    The folder nearest to the file counts first. `ignored`: words that do not count."""
    path = PurePosixPath(name)
    for folder in path.parents:
        if LABEL_WORDS.intersection(name_words(folder.name)) - ignored:
            return f"{folder}/"
    words = [word for word in name_words(path.stem) if word in LABEL_WORDS and word not in ignored]
    # One group for all numbered folders: each may hold a single image and its labels.
    inside = "" if path.parent == PurePosixPath() else _NUMBER.sub("*", f"{path.parent}/")
    return f"{inside}*{words[-1]}*" if words else None


def shared_words(name: str) -> tuple[str, ...]:
    """The words of a file name that an image and its labels have in common."""
    words = name_words(PurePosixPath(name).stem)
    return tuple(word for word in words if word not in LABEL_WORDS and word not in _IMAGE_WORDS)


def _are_labels(root: Path, where: str, members: list[str], others: list[str], paired: bool) -> bool:
    """Whether the group `members` are labels. `paired`: most of them share their name with one of `others`."""
    sample = list(read_sample(root, members))
    flat = 2 * sum(picture.flat for picture in sample) >= len(sample)
    if paired and (flat or not modes(sample) & modes(read_sample(root, others))):
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


def _check_neutral_names(root: Path, names: Sequence[str]) -> None:
    """Raises DataError if pictures that are flat, like masks, have names like those of pictures that are not flat.

    Pictures are grouped by the patterns of `_pattern`: the folder, or a suffix or prefix of the file name. Two
    pictures are a pair if `_pattern` gives both the same rest."""
    stems = {name.rpartition(".")[0] for name in names}
    groups: dict[str, dict[str, str]] = {}
    for name in names:
        pattern, rest = _pattern(name.rpartition(".")[0], stems)
        groups.setdefault(pattern, {})[rest] = name
        if len(groups) > _PATTERNS:
            return
    if len(groups) < 2:
        return
    flat: list[str] = []
    images: list[str] = []
    for pattern, members in groups.items():
        sample = list(read_sample(root, list(members.values())))
        (flat if sample and all(picture.flat for picture in sample) else images).append(pattern)
    for pattern in flat:
        members = groups[pattern]
        if any(_are_paired(root, members, groups[image]) for image in images):
            received = (
                f"{len(members)} picture(s) with few colours, like masks, and names like those of other pictures"
            )
            raise _unclear(root, pattern, received)


def _are_paired(root: Path, flat: dict[str, str], images: dict[str, str]) -> bool:
    """Whether most of the pictures in `flat` form a pair with a picture in `images`. Both map the rest to the name.

    If two names in one folder share only a number, the outlines of the flat picture must also follow the image."""
    pairs = [(flat[rest], images[rest]) for rest in flat if rest in images]
    if 2 * len(pairs) < len(flat):
        return False
    return not all(_share_only_a_number(*pair) for pair in pairs) or follow_outlines(root, pairs)


def _share_only_a_number(one: str, other: str) -> bool:
    """Whether two files are in one folder and neither name is a part of the other: 'photo1.png', 'drawing1.png'."""
    first, second = PurePosixPath(one), PurePosixPath(other)
    numbered = _NUMBER.search(first.stem) and _NUMBER.search(second.stem)
    one_in_other = first.stem in second.stem or second.stem in first.stem
    return bool(numbered) and first.parent == second.parent and not one_in_other


def _pattern(stem: str, stems: Container[str]) -> tuple[str, str]:
    """Splits the path of a picture, without extension, into the pattern that its group shares, and the rest.

    'a/1_mask' beside 'a/1': the pattern is 'a/*_mask', and the rest is that of 'a/1'. Other paths with numbers: the
    numbers are the rest. Other paths: the folder is the pattern, and the file name is the rest."""
    folder, slash, name = stem.rpartition("/")  # text, not Path: this runs for every picture of a folder
    for length in range(len(name) - 1, 0, -1):
        for part in (name[:length], name[-length:]):
            if not part.isdigit() and f"{folder}{slash}{part}" in stems:
                rest = _pattern(f"{folder}{slash}{part}", stems)[1]
                return f"{folder}{slash}{name.replace(part, '*')}", rest
    numbers = _NUMBER.findall(stem)
    if numbers:
        return _NUMBER.sub("*", stem), " ".join(numbers)
    return f"{folder or '.'}/", name
