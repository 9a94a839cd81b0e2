"""Finding an image by a name that another file gives it, and pairing files with images by their paths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_AMBIGUOUS = -1
# Folders that say what kind of file they hold. They are ignored when a file is paired with an image.
KIND_FOLDERS = frozenset(
    re.findall(
        r"\w+",
        """image images img imgs jpegimages photo photos rgb picture pictures render renders frame frames
    label labels annotation annotations xml txt json bbox bboxes box boxes""",
    )
)


class NameIndex:
    """The images of a folder by their path or base name, with or without extension."""

    def __init__(self, names: Sequence[str]) -> None:
        self._paths: dict[str, int] = {}
        self._last: dict[str, int] = {}
        for index, name in enumerate(names):
            stem = name.rpartition(".")[0]
            for known, one in (
                (self._paths, name),
                (self._paths, stem),
                (self._last, name.rpartition("/")[2]),
                (self._last, stem.rpartition("/")[2]),
            ):
                known[one] = index if known.get(one, index) == index else _AMBIGUOUS

    def find(self, text: str) -> int | None:
        """The index of the image that `text` names; None if there is none, or more than one.

        `text` may have folders in front of the path below the root, and Windows separators.
        """
        rest = text.strip().replace("\\", "/")
        last = rest.rpartition("/")[2]
        while rest:
            if (index := self._paths.get(rest, _AMBIGUOUS)) != _AMBIGUOUS:
                return index
            rest = rest.partition("/")[2]
        index = self._last.get(last, _AMBIGUOUS)
        return None if index == _AMBIGUOUS else index


def pair_by_path(names: Sequence[str], files: Iterable[str]) -> dict[int, str]:
    """For the index of each image in `names` that has one, the file of the same name.

    Their folders must be the same, except for folders such as 'images' and 'labels' that name a kind of file. If an
    image has no such file, a file of the same name in any folder counts, unless several images have that name.
    """
    by_path: dict[tuple[str, ...], str] = {}
    by_stem: dict[str, str] = {}
    for file in files:
        key = _key(file)
        by_path.setdefault(key, file)
        by_stem[key[-1]] = file if key[-1] not in by_stem else ""
    if not by_path:
        return {}
    keys = [_key(name) for name in names]
    seen: dict[str, int] = {}
    for key in keys:
        seen[key[-1]] = seen.get(key[-1], 0) + 1
    pairs = {}
    for index, key in enumerate(keys):
        found = by_path.get(key) or (by_stem.get(key[-1]) if seen[key[-1]] == 1 else None)
        if found:
            pairs[index] = found
    return pairs


def _key(name: str) -> tuple[str, ...]:
    """The folders of `name` that do not name a kind of file, and the name without extension."""
    *folders, last = name.split("/")
    stem = last.rpartition(".")[0] or last
    return (*(folder for folder in folders if folder.lower() not in KIND_FOLDERS), stem)
