"""Boxes in Pascal VOC XML files, one file for each image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from simgan.errors import DataError
from simgan.labels.boxes import BOXES, BoxLabel, Objects, box_array, check_image_size
from simgan.labels.contents import FolderContents, read_text
from simgan.labels.label import Found
from simgan.labels.names import pair_by_path

_SAMPLE = 8  # files in which objects are looked for. Ours.


def find_voc(contents: FolderContents) -> Found:
    """The label `boxes`, if images have XML files with objects."""
    files = pair_by_path(contents.names, [name for name in contents.others if name.lower().endswith(".xml")])
    if not files:
        return Found()
    names = list(files.values())
    sample = names[:: max(1, len(names) // _SAMPLE)][:_SAMPLE]
    if not any(_parse(contents.root / name).find("object") is not None for name in sample):
        return Found(
            notes=(f"{len(names)} XML file(s), such as {names[0]!r}, hold no <object>, so no boxes are read",)
        )
    note = f"label {BOXES!r}: the boxes in {len(names)} Pascal VOC files, such as {names[0]!r}"
    return Found({BOXES: BoxLabel(VocFiles(contents, files))}, (note,), frozenset(names))


class VocFiles:
    """The VOC files of images. When boxes are first requested all files are read, because any may name a new class."""

    def __init__(self, contents: FolderContents, files: Mapping[int, str]) -> None:
        self._contents, self._files = contents, files

    @cached_property
    def _rows(self) -> dict[int, list[tuple[tuple[float, ...], str]]]:
        """For the index of each image, its boxes (x, y, width, height), each with the name of its class."""
        return {index: self._read(index, name) for index, name in self._files.items()}

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of all objects, sorted."""
        return tuple(sorted({name for rows in self._rows.values() for _, name in rows}))

    def objects(self, indices: Sequence[int]) -> list[Objects]:
        """The boxes of each image."""
        self._contents.require_all(indices, self._files, "a Pascal VOC file")
        number = {name: place for place, name in enumerate(self.classes)}
        return [
            Objects(
                box_array(
                    [(*box, number[name]) for box, name in self._rows[index]],
                    f"{self._contents.root / self._files[index]}",
                )
            )
            for index in indices
        ]

    def _read(self, index: int, name: str) -> list[tuple[tuple[float, ...], str]]:
        path = self._contents.root / name
        root = _parse(path)
        size = root.find("size")
        if size is not None and (stated := (_number(size, "height", path), _number(size, "width", path))) != (0, 0):
            check_image_size((int(stated[0]), int(stated[1])), self._contents.size(index), str(path))
        rows: list[tuple[tuple[float, ...], str]] = []
        for one in root.findall("object"):
            corners = one.find("bndbox")
            if corners is None:
                raise _wrong(path, "a <bndbox> in each <object>", "none")
            left, top, right, bottom = (_number(corners, side, path) for side in ("xmin", "ymin", "xmax", "ymax"))
            rows.append(((left, top, right - left, bottom - top), (one.findtext("name") or "").strip()))
        return rows


class _NoDoctype(ElementTree.TreeBuilder):
    """Refuses a DOCTYPE, which could define entities that expand without bound or read other files."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise DataError(f"expected XML without DOCTYPE, received <!DOCTYPE {name}>; remove that line")


def _parse(path: Path) -> Any:
    text = read_text(path)
    parser = ElementTree.XMLParser(target=_NoDoctype())
    try:
        parser.feed(text)
        return parser.close()
    except ElementTree.ParseError as error:
        raise _wrong(path, "a complete XML file", f"one that cannot be read ({error})") from error
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _number(parent: Any, name: str, path: Path) -> float:
    text = parent.findtext(name)
    try:
        number = float(text)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise _wrong(path, f"a number in <{name}>", repr(text))
    return number


def _wrong(path: Path, expected: str, received: str) -> DataError:
    return DataError(f"{path}: expected {expected}, received {received}; mend or remove the file")
