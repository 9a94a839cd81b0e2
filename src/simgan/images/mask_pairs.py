"""Which picture is the mask of which image, among the groups of label pictures that masks.py finds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from simgan.images.masks import LabelGroup, name_words, shared_words

_Words = tuple[str, ...]
# Words in the names of groups of label pictures that are not masks of classes.
_INSTANCES = frozenset(("instance", "instances", "instanceids", "segmentationobject"))
_OTHER_KINDS = frozenset(re.findall(r"\w+", "depth depths normal normals matte mattes disparity disp flow albedo uv"))
# If an image has several masks, the group whose name has the first of these words is used.
_PREFERRED = ("segmentationclass", "labelids", "labeltrainids", "semantic", "segmentation", "mask", "masks")


def pair_masks(names: Sequence[str], groups: Sequence[LabelGroup]) -> tuple[dict[int, str], tuple[str, ...]]:
    """The mask of each image in `names` that has one, by index of the image; and notes on groups that are not used."""
    masks: dict[int, str] = {}
    notes = []
    candidates = [group for group in groups if _may_be_class_masks(frozenset(name_words(group.where)))]
    for group in sorted(candidates, key=_preference):
        pairs = _pair(names, group.names)
        if masks.keys() & pairs.keys():
            notes.append(
                f"the pictures in {group.where!r} are not read as masks, because their images have other masks; to "
                "use them, move the other masks out of the folder"
            )
            continue
        masks |= pairs
    return masks, tuple(notes)


def _may_be_class_masks(words: frozenset[str]) -> bool:
    """Whether a group whose name has these words may be masks of classes: 'normal_masks', but not 'normals'."""
    return not words & _INSTANCES and (not words & _OTHER_KINDS or bool(words.intersection(_PREFERRED)))


def _preference(group: LabelGroup) -> int:
    words = name_words(group.where)
    return next((place for place, word in enumerate(_PREFERRED) if word in words), len(_PREFERRED))


def _pair(names: Sequence[str], masks: Sequence[str]) -> dict[int, str]:
    """By index of the image, the mask whose path has the same words, or else whose file name has and is unique."""
    by_path: dict[tuple[_Words, ...], str] = {}
    by_name: dict[_Words, str] = {}
    for mask in masks:
        key = _path_words(mask)
        by_path[key] = mask
        by_name[key[-1]] = mask if key[-1] not in by_name else ""
    keys = [_path_words(name) for name in names]
    seen = Counter(key[-1] for key in keys)
    pairs = {}
    for index, key in enumerate(keys):
        found = by_path.get(key) or (by_name.get(key[-1]) if seen[key[-1]] == 1 else None)
        if found:
            pairs[index] = found
    return pairs


def _path_words(name: str) -> tuple[_Words, ...]:
    """The words of each folder and of the name, without those that say that a file is an image or a label."""
    folder, _, file = name.rpartition("/")
    stem = file.rpartition(".")[0]
    # Most names are a number, which is one word: finding words takes long in a folder of many files.
    return (*_folder_words(folder), (stem,) if stem.isdecimal() else shared_words(file))


@lru_cache(maxsize=1024)
def _folder_words(folder: str) -> tuple[_Words, ...]:
    return tuple(words for part in folder.split("/") if (words := shared_words(part)))
