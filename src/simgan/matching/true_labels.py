"""Which labels stay true when the framing is matched."""

import re
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.images import ImageSource, ReadableImages
from simgan.images.sampling import evenly_spaced
from simgan.labels import ANGLES, are_directions

Kind = Literal["class", "direction", "other"]

_READ = 64  # images of which a label is read to see what it holds
_FEWEST = 10  # images of a class, on average
_NAMES = 0.9  # share of the images that have a value of their own, from which a label is a name of images
_TABLES, _DESCRIPTIONS = (".csv", ".tsv"), (".md", ".log")
_MEASURE = re.compile(
    r"(.*_)?(c?[xy]\d?|[xy](min|max|pos)|[uvwh]|width|height|left|right|top|bottom|row|col(umn)?|pos(ition)?"
    r"|rot(ation)?|angle|yaw|pitch|roll|slant|scale|size|length|thickness|radius|depth|distance)(_.*)?"
)
"""Names of labels whose whole numbers are positions, angles or sizes, not classes."""


def kind_of_label(name: str, labels: NDArray[Any]) -> Kind:
    """What a label (N, ...) holds: a class (one word or whole number for each image), a direction, or neither."""
    if labels.ndim != 1:
        return "direction" if are_directions(name, labels) else "other"
    if _MEASURE.fullmatch(name.lower()):
        return "other"
    is_class = labels.dtype.kind in "iubSU" or all(isinstance(one, bytes | str) for one in labels)
    return "class" if is_class else "other"


class LabelKinds(NamedTuple):
    """The labels of a data set, by what another framing does to them."""

    classes: list[str]
    """Names of the labels that hold classes: two values or more, with ten images each on average."""
    others: list[str]
    """Names of labels that may hold positions, directions or measures, and of what is copied unread and may hold such.
    Labels with one value alone, and names of images, are in neither list."""


def kinds_of_labels(source: ImageSource) -> LabelKinds:
    """Reads each label once."""
    kinds = {name: _kind_in_set(source, name) for name in source.label_names}
    others = [name for name, kind in kinds.items() if kind in ("direction", "other")]
    return LabelKinds([name for name, kind in kinds.items() if kind == "class"], others + _copied_labels(source))


def _kind_in_set(source: ImageSource, name: str) -> Kind | Literal["name", "constant"]:
    """As `kind_of_label`, by all values of the label."""
    try:
        kind = kind_of_label(name, source.labels(name, evenly_spaced(len(source), _READ)))
        if kind != "class":
            return kind
        values = len({one.item() if isinstance(one, np.generic) else one for one in source.labels(name)})
    except DataError:  # unreadable, or of another shape in each image
        return "other"
    if values < 2:
        return "constant"
    if values > max(2, _NAMES * len(source)):
        return "name"
    return "class" if values <= max(2, len(source) / _FEWEST) else "other"


def _copied_labels(source: ImageSource) -> list[str]:
    """Up to three of the files and arrays that are copied unread and may hold labels of positions."""
    whole = source.whole if isinstance(source, ReadableImages) else source
    read: frozenset[str] = getattr(whole, "read_files", frozenset())
    files = [
        name
        for name in getattr(whole, "copied_files", ())
        if not name.lower().endswith(_DESCRIPTIONS) and not (name.lower().endswith(_TABLES) and name in read)
    ]
    return [*files, *whole.other_arrays][:3]


def check_labels_stay_true(source: ImageSource) -> bool:
    """Raises DataError unless all labels of the source are classes or directions, which mean framing leaves true.

    Files beside images that may hold other labels are refused as well, because they are copied unread.

    Returns:
        Whether there are directions: framing by quantiles leaves only classes true.
    """
    kinds = {name: kind_of_label(name, source.labels(name)) for name in source.label_names}
    moved = [name for name, kind in kinds.items() if kind == "other"] + _copied_labels(source)
    if moved:
        raise DataError(
            f"by: expected only classes (one word or whole number for each image) and directions (unit vectors, or "
            f"radians in a label named {', '.join(ANGLES)}), received {', '.join(moved)} in {source.path}, which may "
            "be positions that framing would make wrong; give a data set without these, or render the images with the "
            "framing of the photographs."
        )
    return "direction" in kinds.values()
