"""Parsing one COCO JSON file. Every field that is used is checked, because the file may come from anywhere."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from simgan.errors import DataError
from simgan.labels.contents import read_text

MAX_BYTES = 600 * 2**20  # largest size of a file. Ours: the largest file of the COCO data set has 450 MB.


class CocoImage(NamedTuple):
    """One entry of 'images'."""

    id: int
    file_name: str
    size: tuple[int, int] | None
    """(H, W); None if the file does not state it."""


class Annotation(NamedTuple):
    """One entry of 'annotations' that has a box."""

    category: int
    box: tuple[float, float, float, float]
    crowd: bool
    keypoints: tuple[float, ...]
    """x, y and visibility of each keypoint; () if there are none."""


class Document(NamedTuple):
    """The fields of a COCO file that are used."""

    path: Path
    images: list[CocoImage]
    annotations: dict[int, list[Annotation]]
    """The annotations of each image, by the id of the image."""
    categories: dict[int, str]
    """The name of each category, by its id."""


def load(path: Path) -> Document:
    """Parses the file at `path`. Raises DataError if it is not COCO JSON."""
    text = read_text(path, MAX_BYTES)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError, MemoryError) as error:
        raise DataError(
            f"{path}: expected COCO JSON, received a file that cannot be read ({error}); replace the file"
        ) from error
    del text
    if not isinstance(document, dict):
        _wrong(path, "an object with 'images' and 'annotations'", document)
    annotations: dict[int, list[Annotation]] = {}
    for one in _entries(document, "annotations", path):
        if "bbox" in one:
            annotations.setdefault(_whole(one, "image_id", path), []).append(_annotation(one, path))
    return Document(
        path,
        [_image(one, path) for one in _entries(document, "images", path)],
        annotations,
        {_whole(one, "id", path): str(one.get("name")) for one in _entries(document, "categories", path)},
    )


def _entries(document: dict[str, Any], key: str, path: Path) -> list[dict[str, Any]]:
    entries = document.get(key)
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        _wrong(path, f"a list of objects in {key!r}", entries)
    return entries


def _image(entry: dict[str, Any], path: Path) -> CocoImage:
    name = entry.get("file_name")
    if not isinstance(name, str):
        _wrong(path, "a 'file_name' for each image", name)
    stated = entry.get("width") is not None and entry.get("height") is not None
    size = (_whole(entry, "height", path), _whole(entry, "width", path)) if stated else None
    return CocoImage(_whole(entry, "id", path), name, size)


def _annotation(entry: dict[str, Any], path: Path) -> Annotation:
    box = _numbers(entry["bbox"], "bbox", path)
    if len(box) != 4:
        _wrong(path, "four numbers in 'bbox'", box)
    x, y, width, height = box
    points = _numbers(entry.get("keypoints") or [], "keypoints", path)
    return Annotation(_whole(entry, "category_id", path), (x, y, width, height), bool(entry.get("iscrowd")), points)


def _numbers(value: Any, key: str, path: Path) -> tuple[float, ...]:
    if not isinstance(value, list) or not all(isinstance(one, int | float) and _is_finite(one) for one in value):
        _wrong(path, f"a list of finite numbers in {key!r}", value)
    return tuple(map(float, value))


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # a whole number above the largest float
        return False


def _whole(entry: dict[str, Any], key: str, path: Path) -> int:
    value = entry.get(key)
    if not isinstance(value, int):
        _wrong(path, f"a whole number in {key!r}", value)
    return value


def _wrong(path: Path, expected: str, received: object) -> NoReturn:
    shown = repr(received) if isinstance(received, str | int | float | None) else type(received).__name__
    raise DataError(f"{path}: expected {expected}, received {shown[:100]}; replace the file or mend it")
