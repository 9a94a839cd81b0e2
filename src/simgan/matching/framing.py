"""Matches the framing: gives the content of synthetic images the size and place that it has in photographs."""

import re
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.framing.comparison import Framing, find_framing
from simgan.images import ImageSource
from simgan.images.sampling import evenly_spaced
from simgan.labels import ANGLES, are_directions

_COMPARED = 512  # largest number of images of each set that are compared
_PLAIN = 0.6  # least share of the border pixels that are near their median if the background is plain
_HARMLESS = (".csv", ".tsv", ".md")  # tables, whose columns are among the labels of the source, and descriptions
_PLACE = re.compile(r"(.*_)?(c?[xy]\d?|[xy](min|max)|w|h|width|height|left|right|top|bottom|row|col(umn)?)")
"""Names of labels whose whole numbers are positions or sizes, not classes."""
_NEAR = 0.1  # largest difference of a border pixel from the median that counts as near, in the range [-1, 1]


def differing_framing(synthetic: NDArray[np.float32], photographs: NDArray[np.float32]) -> Framing | None:
    """How the framing of photographs differs from that of synthetic images; None if both are alike or share no layout.

    Args:
        synthetic: (N, H, W, C) in [-1, 1].
        photographs: (M, H, W, C), the same H, W and C.

    Returns:
        The scale, and the shift as a share of H and W.
    """
    few = [images[evenly_spaced(len(images), _COMPARED)] for images in (synthetic, photographs)]
    found = find_framing(few[0], few[1])
    if not (found.counts and found.aligns):
        return None
    height, width = synthetic.shape[1:3]
    return found._replace(down=found.down / height, right=found.right / width)


def match_framing(image: NDArray[np.float32], framing: Framing) -> NDArray[np.float32]:
    """Scales the content of an image about its middle, and moves it.

    If most border pixels are alike, pixels from beyond the border get their median colour, else the mirrored image.

    Args:
        image: (H, W, C) in [-1, 1].
        framing: what `differing_framing` returned.

    Returns:
        (H, W, C), interpolated bilinearly; an image that shrinks is smoothed first, against aliasing.
    """
    height, width = image.shape[:2]
    scale = framing.scale
    if scale < 1:
        smoothed = cv2.GaussianBlur(image, (0, 0), 0.4 * (scale**-2 - 1) ** 0.5)
        image = np.asarray(smoothed, np.float32).reshape(image.shape)
    x, y = (width - 1) / 2, (height - 1) / 2
    moved = np.array(
        [[scale, 0, (1 - scale) * x + framing.right * width], [0, scale, (1 - scale) * y + framing.down * height]]
    )
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])  # (2 (H + W), C)
    background = np.median(border, axis=0)
    is_plain = (np.abs(border - background).max(axis=1) < _NEAR).mean() > _PLAIN
    mode = cv2.BORDER_CONSTANT if is_plain else cv2.BORDER_REFLECT_101
    planes = [  # one by one, since OpenCV takes at most four channels
        cv2.warpAffine(plane, moved, (width, height), borderMode=mode, borderValue=float(value))
        for plane, value in zip(np.ascontiguousarray(np.moveaxis(image, 2, 0)), background, strict=True)
    ]
    return np.stack(planes, axis=-1)


def check_labels_stay_true(source: ImageSource) -> None:
    """Raises DataError unless all labels of the source are classes or directions, which framing leaves true.

    Files beside images that may hold other labels are refused as well, because they are copied unread.
    """
    moved = [name for name in source.label_names if not _is_class_or_direction(name, source.labels(name))]
    moved += [name for name in getattr(source, "copied_files", ()) if not name.lower().endswith(_HARMLESS)][:3]
    if moved:
        raise DataError(
            f"by: expected only classes (one word or whole number for each image) and directions (unit vectors, or "
            f"radians in a label named {', '.join(ANGLES)}), received {', '.join(moved)} in {source.path}, which may "
            "be positions that framing would make wrong; give a data set without these, or render the images with the "
            "framing of the photographs."
        )


def _is_class_or_direction(name: str, labels: NDArray[Any]) -> bool:
    if labels.ndim != 1:
        return are_directions(name, labels)
    if _PLACE.fullmatch(name.lower()):
        return False
    return labels.dtype.kind in "iubSU" or all(isinstance(one, bytes | str) for one in labels)
