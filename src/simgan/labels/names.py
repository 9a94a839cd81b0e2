"""Finding an image by a name that another file gives it, and pairing files with images by their paths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_AMBIGUOUS = -1  # in place of an index: several images have the name
# Folders that say what kind of file they hold. They are ignored when a file is paired with an image.
KIND_FOLDERS = frozenset(
    re.findall(
        r"\w+",
        """image images img imgs jpegimages photo photos rgb picture pictures render renders frame frames
    label labels annotation annotations xml txt json bbox bboxes box boxes""",
    )
)


class NameIndex:
    """Finds the images of a folder by path or base name, with or without the extension."""

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
        """The index of the image that `text` names; None if no image has this name, or several have.

        `text` may begin with folders that are not below the root, and may have Windows separators.
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
    """The file of the same name for each image in `names` that has such a file, by the index of the image.

    Image and file must lie in folders of the same names, in which folders that name a kind of file, such as 'images'
    and 'labels', do not count. If there is no such file, a file of the same name in any folder is taken, unless
    several images or files have this name.
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
