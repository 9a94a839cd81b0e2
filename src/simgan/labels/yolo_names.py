"""Names of the classes of YOLO files: classes.txt, obj.names, or `names` and `kpt_shape` in data.yaml."""

from __future__ import annotations

from typing import Any, NamedTuple

from simgan.errors import DataError
from simgan.labels.contents import FolderContents, read_text

_MAX_YAML = 2**18  # bytes. Ours: thousands of names fit, and reading takes a second at most.
_MOST_FILES = 20
_MOST = 10_000  # largest number of classes, and of keypoints. Ours.


class YoloNames(NamedTuple):
    """Names of the classes, and how keypoints are written."""

    classes: tuple[str, ...] = ()
    """() if unknown."""
    points: tuple[int, int] | None = None
    """Number of keypoints of an object, and of numbers for each keypoint (2 or 3); None if there are no keypoints."""
    file: str = ""
    """The file that says this; '' if there is none."""


def find_names(contents: FolderContents) -> tuple[YoloNames, tuple[str, ...]]:
    """What the files of the folder say about the classes, and notes on files that were not understood."""
    notes: list[str] = []
    for name in [name for name in contents.others if name.lower().endswith((".yaml", ".yml"))][:_MOST_FILES]:
        try:
            found = _from_yaml(read_text(contents.root / name, _MAX_YAML), name)
        except DataError as error:
            notes.append(f"{name!r} is not read for names of classes: {error}")
            continue
        if found is not None:
            return found, tuple(notes)
    for name in contents.others:
        if name.rpartition("/")[2].lower() in ("classes.txt", "obj.names", "classes.names"):
            lines = [line.strip() for line in read_text(contents.root / name).splitlines() if line.strip()]
            return YoloNames(tuple(lines[:_MOST]), None, name), tuple(notes)
    return YoloNames(), tuple(notes)


def _from_yaml(text: str, name: str) -> YoloNames | None:
    """What a YAML file says about classes and keypoints; None if nothing. Raises DataError if it is not YAML."""
    import yaml  # imported on use: few folders have YAML files

    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"expected YAML, received a file that cannot be read ({reason}); mend the file") from error
    if not isinstance(document, dict) or not ("names" in document or "kpt_shape" in document):
        return None
    return YoloNames(_classes(document.get("names")), _points(document.get("kpt_shape")), name)


def _classes(names: Any) -> tuple[str, ...]:
    """Names from a list, or from a mapping whose keys are 0, 1, ...; () if `names` is neither."""
    if isinstance(names, dict) and len(names) <= _MOST and set(names) == set(range(len(names))):
        names = [names[number] for number in range(len(names))]
    if not isinstance(names, list) or len(names) > _MOST or not all(isinstance(one, str | int) for one in names):
        return ()
    return tuple(str(one) for one in names)


def _points(shape: Any) -> tuple[int, int] | None:
    whole = isinstance(shape, list) and len(shape) == 2 and all(type(one) is int for one in shape)
    return (shape[0], shape[1]) if whole and 0 < shape[0] <= _MOST and shape[1] in (2, 3) else None
