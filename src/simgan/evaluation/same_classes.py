"""Gives labels of real images the class numbers that the synthetic images have."""

from typing import Any

from numpy.typing import NDArray

from simgan.images import ImageSource
from simgan.labels import align_classes


def labels_with_classes_of(synthetic: ImageSource, test: ImageSource, label: str) -> NDArray[Any]:
    """Reads the label of all images of `test`, with class numbers as in `synthetic`.

    Two sets may number the colours of masks, or the categories of boxes, differently, so classes are matched by name.
    Read the label of `synthetic` before, since some classes are found only while labels are read.

    Raises:
        DataError: the label cannot be read, or a class occurs in `test` that `synthetic` does not have.
    """
    labels = test.labels(label)
    names, wanted = test.label_classes(label), synthetic.label_classes(label)
    if names and wanted:
        return align_classes(labels, names, wanted, label, str(test.path), str(synthetic.path))
    return labels


def warnings_on_classes(synthetic: ImageSource, test: ImageSource, label: str) -> list[str]:
    """A warning if only one of the two sets has names of classes, so that classes are matched by number."""
    names, wanted = test.label_classes(label), synthetic.label_classes(label)
    if bool(names) == bool(wanted):
        return []
    return [
        f"The classes of {label!r} have names only in {(test if names else synthetic).path}, so equal class numbers "
        "are taken for the same class. Give both sets names of classes, or save the masks of both in the same way."
    ]
