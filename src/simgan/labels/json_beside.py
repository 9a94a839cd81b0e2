"""Labels in JSON files, one beside each image, as UnityEyes writes them: each number or vector is a label."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.labels.contents import FolderContents, read_text
from simgan.labels.label import Found
from simgan.labels.names import pair_by_path

_MOST = 64  # labels, levels of nesting, and characters of a word. Ours.
_VECTOR = re.compile(r"\(([^()]*)\)")
Value = NDArray[np.float64] | np.float64 | str


def find_json_beside(contents: FolderContents) -> Found:
    """A label for each number, vector, list of vectors and word in the JSON files beside the images."""
    names = [name for name in contents.others if name.lower().endswith(".json")]
    files = pair_by_path(contents.names, names) if names else {}
    if 2 * len(files) <= len(contents.names):
        return Found()
    first = next(iter(files.values()))
    fields = _fields(contents, first)
    if "shapes" in fields:
        note = f"{len(files)} JSON files of LabelMe, such as {first!r}, are not read; convert them to COCO JSON"
        return Found({}, (note,), frozenset(files.values()))
    labels = {name: JsonLabel(contents, files, path) for name, path in _names(fields).items()}
    if not labels:
        return Found()
    listed = ", ".join(map(repr, list(labels)[:8])) + (f", ... ({len(labels)} in all)" if len(labels) > 8 else "")
    note = f"labels from {len(files)} JSON files beside the images, such as {first!r}: {listed}"
    return Found(labels, (note,), frozenset(files.values()))


def _names(fields: Mapping[str, Value | None]) -> dict[str, str]:
    """The path of each label in the files, such as 'eye_details.look_vec', by the name of the label.

    The name is the last part of the path if this is unique, else the whole path.
    """
    usable = [path for path, value in fields.items() if value is not None][:_MOST]
    last = [path.rpartition(".")[2] for path in usable]
    return {name if last.count(name) == 1 else path: path for name, path in zip(last, usable, strict=True)}


@dataclass(frozen=True)
class JsonLabel:
    """The value at `path` in the JSON file of each image."""

    contents: FolderContents
    files: Mapping[int, str]
    path: str
    classes: tuple[str, ...] = ()

    def read(self, indices: Sequence[int]) -> NDArray[Any]:
        """(N,) words, or floats (N, ...)."""
        self.contents.require_all(indices, self.files, "a JSON file")
        values: list[Value] = []
        for index in indices:
            value = _fields(self.contents, self.files[index]).get(self.path)
            like = values[0] if values else value
            if value is None or like is None or _kind(value) != _kind(like):
                expected = "a text" if isinstance(like, str) else "finite numbers of the same shape"
                raise DataError(
                    f"{self.contents.root / self.files[index]}: expected {expected} in {self.path!r} as in the other "
                    "files, received another value or none; mend or remove the file"
                )
            values.append(value)
        return np.array(values)


def _fields(contents: FolderContents, name: str) -> dict[str, Value | None]:
    """Each value in a JSON file, by its path; None for a value that no label can hold, as in `_value`."""
    path = contents.root / name
    try:
        document = json.loads(read_text(path))
        return dict(_flat(document, "", 0)) if isinstance(document, dict) else {}
    except (ValueError, RecursionError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: expected JSON, received a file that cannot be read ({error}); replace it") from error


def _flat(document: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, Value | None]]:
    for key, value in document.items():
        if isinstance(value, dict) and depth < _MOST:
            yield from _flat(value, f"{prefix}{key}.", depth + 1)
        else:
            yield f"{prefix}{key}", _value(value)


def _kind(value: Value) -> tuple[int, ...] | None:
    """The shape of numbers, or None for a text. All values of one label must be of the same kind."""
    return None if isinstance(value, str) else value.shape


def _value(value: Any) -> Value | None:
    """A number, vector (a list, or a text such as '(1.0, 2.0, 0.5)') or list of vectors as floats; a short text as it
    is; None for everything else."""
    if isinstance(value, str):
        vector = _VECTOR.fullmatch(value.strip())
        try:
            numbers = np.array([float(one) for one in (vector[1].split(",") if vector else [value])])
        except ValueError:
            return value if len(value) <= _MOST else None
        if not np.isfinite(numbers).all():
            return None
        # UnityEyes writes directions as homogeneous vectors, whose fourth number is 0.
        numbers = numbers[:3] if len(numbers) == 4 and numbers[3] == 0 else numbers
        return numbers if vector else numbers[0]
    if isinstance(value, bool) or not isinstance(value, int | float | list):
        return None
    if isinstance(value, list):
        parts = [_value(one) for one in value]
        numeric = [one for one in parts if one is not None and not isinstance(one, str)]
        uniform = bool(parts) and len(numeric) == len(parts) and len({one.shape for one in numeric}) == 1
        return np.array(numeric) if uniform else None
    return np.float64(value) if abs(value) < 2**1000 and math.isfinite(value) else None
