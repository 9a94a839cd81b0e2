"""Which labels stay true when the framing is matched."""

import re
from typing import Any, Literal

from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.images import ImageSource, ReadableImages
from simgan.labels import ANGLES, are_directions

Kind = Literal["class", "direction", "other"]

_HARMLESS = (".csv", ".tsv", ".md")  # tables, whose columns are labels of the source, and descriptions
_PLACE = re.compile(r"(.*_)?(c?[xy]\d?|[xy](min|max)|w|h|width|height|left|right|top|bottom|row|col(umn)?)")
"""Names of whole numbers that are positions or sizes, not classes."""


def kind_of_label(name: str, labels: NDArray[Any]) -> Kind:
    """What a label (N, ...) holds: a class (one word or whole number for each image), a direction, or neither."""
    if labels.ndim != 1:
        return "direction" if are_directions(name, labels) else "other"
    if _PLACE.fullmatch(name.lower()):
        return "other"
    is_class = labels.dtype.kind in "iubSU" or all(isinstance(one, bytes | str) for one in labels)
    return "class" if is_class else "other"


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
            "be positions that framing would make wrong; give a data set without these, or render the images anew."
        )
    return "direction" in kinds.values()
