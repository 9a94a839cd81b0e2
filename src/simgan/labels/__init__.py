"""Reading the labels of a folder of images: class folders, tables, masks, boxes and keypoints.

Only this package knows the formats of labels. Its callers pass the names of the images and of the other files; it
never changes a file. `find_labels` reads names and a few files; `Label.read` reads the values of a label.
"""

from typing import NamedTuple

from simgan.labels.classes import align_classes
from simgan.labels.contents import FolderContents
from simgan.labels.directions import ANGLES, are_directions
from simgan.labels.finding import find_labels
from simgan.labels.label import Found, Label


class Box(NamedTuple):
    """One row of the label `boxes`.

    That label is an array of N objects, one for each image. Each object is a float64 array (K, 5) of the K boxes in
    that image, with the five columns below. K may be 0.
    """

    x: float
    """Left edge, px from the left edge of the image."""
    y: float
    """Upper edge, px from the upper edge of the image."""
    width: float
    """Px."""
    height: float
    """Px."""
    class_index: float
    """A whole number: an index into `ImageSource.label_classes('boxes')` if the names of the classes are known, else
    the number in the label file."""


__all__ = ["ANGLES", "Box", "FolderContents", "Found", "Label", "align_classes", "are_directions", "find_labels"]
