"""Which labels stay true when the framing is matched."""

import re
from typing import Any, Literal

from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.images import ImageSource, ReadableImages
from simgan.images.sampling import evenly_spaced
from simgan.labels import ANGLES, are_directions

Kind = Literal["class", "direction", "other"]

_READ = 64  # images of which a label is read to see what it holds
_HARMLESS = (".csv", ".tsv", ".md")  # tables, whose columns are among the labels of the source, and descriptions
_PLACE = re.compile(r"(.*_)?(c?[xy]\d?|[xy](min|max)|w|h|width|height|left|right|top|bottom|row|col(umn)?)")
"""Names of labels whose whole numbers are positions or sizes, not classes."""


def kind_of_label(name: str, labels: NDArray[Any]) -> Kind:
    """What a label (N, ...) holds: a class (one word or whole number for each image), a direction, or neither."""
    if labels.ndim != 1:
        return "direction" if are_directions(name, labels) else "other"
    if _PLACE.fullmatch(name.lower()):
        return "other"
    is_class = labels.dtype.kind in "iubSU" or all(isinstance(one, bytes | str) for one in labels)
    return "class" if is_class else "other"


def labels_other_than_classes(source: ImageSource) -> list[str]:
    """Names of labels, read of a sample, that are no classes, and of copied files that may hold such labels."""
    return [name for name in source.label_names if not _is_class(source, name)] + copied_labels(source)


def _is_class(source: ImageSource, name: str) -> bool:
    try:
        labels = source.labels(name, evenly_spaced(len(source), _READ))
    except DataError:  # unreadable, or of another shape in each image
        return False
    return kind_of_label(name, labels) == "class"


def copied_labels(source: ImageSource) -> list[str]:
    """Up to three of the files beside images that are copied unread and may hold labels of positions."""
    whole = source.whole if isinstance(source, ReadableImages) else source
    files = getattr(whole, "copied_files", ())
    return [name for name in files if not name.lower().endswith(_HARMLESS)][:3]


def check_labels_stay_true(source: ImageSource) -> bool:
    """Raises DataError unless all labels of the source are classes or directions, which mean framing leaves true.

    Files beside images that may hold other labels are refused as well, because they are copied unread.

    Returns:
        Whether there are directions: framing by quantiles leaves only classes true.
    """
    kinds = {name: kind_of_label(name, source.labels(name)) for name in source.label_names}
    moved = [name for name, kind in kinds.items() if kind == "other"] + copied_labels(source)
    if moved:
        raise DataError(
            f"by: expected only classes (one word or whole number for each image) and directions (unit vectors, or "
            f"radians in a label named {', '.join(ANGLES)}), received {', '.join(moved)} in {source.path}, which may "
            "be positions that framing would make wrong; give a data set without these, or render the images with the "
            "framing of the photographs."
        )
    return "direction" in kinds.values()
