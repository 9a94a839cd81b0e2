"""Labels of real images whose class numbers stand for the same classes as those of the synthetic images."""

from typing import Any

from numpy.typing import NDArray

from simgan.images import ImageSource
from simgan.labels import align_classes


def labels_with_classes_of(synthetic: ImageSource, test: ImageSource, label: str) -> NDArray[Any]:
    """The label of all images of `test`, with class numbers as in `synthetic`, whose label must have been read before.

    Two sets may number the colours of masks, or the categories of boxes, differently, so equal names decide.

    Raises:
        DataError: the label cannot be read, or a class occurs in `test` that `synthetic` does not have.
    """
    labels = test.labels(label)
    names, wanted = test.label_classes(label), synthetic.label_classes(label)
    if names and wanted:
        return align_classes(labels, names, wanted, label, str(test.path), str(synthetic.path))
    return labels


def warnings_on_classes(synthetic: ImageSource, test: ImageSource, label: str) -> list[str]:
    """A warning if only one of two sets has names of classes, so that equal numbers are taken for equal classes."""
    names, wanted = test.label_classes(label), synthetic.label_classes(label)
    if bool(names) == bool(wanted):
        return []
    return [
        f"The classes of {label!r} have names in {(test if names else synthetic).path} alone, so equal numbers "
        "are taken for equal classes. Give both sets names of classes, or masks of one kind."
    ]
