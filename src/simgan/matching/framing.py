"""Matches the framing: gives the content of synthetic images the place and size that it has in photographs.

There are two ways. If both sets have plain backgrounds, each image is framed by itself, by quantiles
(`simgan.framing.quantiles`). This slants content and scales its width and height unequally, so labels of directions
would become wrong. Otherwise all images get the same scale and shift, which align the means of both sets.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from simgan.framing.comparison import Framing, find_framing
from simgan.framing.moments import PLAIN, background_of
from simgan.framing.quantiles import FramingMap, fit_map
from simgan.images.sampling import evenly_spaced

_COMPARED = 512  # images of each set


class FramingMatch(NamedTuple):
    """How the framing of photographs differs from that of synthetic images."""

    framing: FramingMap | Framing | None
    """None: both are framed alike or share no layout. The shift of a Framing is a share of H and W."""
    sentence: str
    """Which of the two ways was chosen and why, and what it changes."""


def choose_framing(
    synthetic: NDArray[np.float32], photographs: NDArray[np.float32], *, has_directions: bool = False
) -> FramingMatch:
    """Compares the framing of both sets, by quantiles if possible, else by mean scale and shift.

    Args:
        synthetic: (N, H, W, C) in [-1, 1].
        photographs: (M, H, W, C), the same H, W and C.
        has_directions: whether a label is a direction: it stays true only if all images get the same scale and shift.
    """
    obstacle = "labels are directions, which slants and unequal scales would make wrong"
    if not has_directions:
        samples = [images[evenly_spaced(len(images), _COMPARED)] for images in (synthetic, photographs)]
        fit = fit_map(*samples)
        if fit.map is not None:
            return FramingMatch(fit.map, f"Framing matched image by image, by quantiles: {fit.map.describe()}.")
        if not fit.obstacle:
            return FramingMatch(None, "By quantiles, content has the same place, size and slant in both sets.")
        obstacle = fit.obstacle
    framing = differing_framing(synthetic, photographs)
    if framing is None:
        return FramingMatch(
            None,
            f"No mean scale or shift aligns the sets better. They were not compared by quantiles, because {obstacle}.",
        )
    return FramingMatch(
        framing,
        f"All images got the same scale and shift: content was made {framing.scale:.2f} times as large, and moved by "
        f"{framing.down:+.1%} of the height (down) and {framing.right:+.1%} of the width (right). Framing was not "
        f"matched image by image (by quantiles), because {obstacle}.",
    )


def match_framing(image: NDArray[np.float32], framing: FramingMap | Framing) -> NDArray[np.float32]:
    """An image (H, W, C) in [-1, 1], framed as the photographs are."""
    return framing.frame(image) if isinstance(framing, FramingMap) else scale_and_move(image, framing)


def differing_framing(synthetic: NDArray[np.float32], photographs: NDArray[np.float32]) -> Framing | None:
    """How the mean framing of photographs differs; None if both sets are framed alike or share no layout.

    Args:
        synthetic: (N, H, W, C) in [-1, 1].
        photographs: (M, H, W, C), the same H, W and C.

    Returns:
        The scale, and the shift as a share of H and W.
    """
    samples = [images[evenly_spaced(len(images), _COMPARED)] for images in (synthetic, photographs)]
    found = find_framing(samples[0], samples[1])
    if not (found.counts and found.aligns):
        return None
    height, width = synthetic.shape[1:3]
    return found._replace(down=found.down / height, right=found.right / width)


def scale_and_move(image: NDArray[np.float32], framing: Framing) -> NDArray[np.float32]:
    """Scales the content of an image about its middle, and moves it.

    Pixels that come in from beyond the border get the border's median colour if most border pixels are near it, else
    the colours of the mirrored image.

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
    background, share = background_of(image)
    mode = cv2.BORDER_CONSTANT if share > PLAIN else cv2.BORDER_REFLECT_101
    planes = [  # one by one, since OpenCV takes at most four channels
        cv2.warpAffine(plane, moved, (width, height), borderMode=mode, borderValue=float(value))
        for plane, value in zip(np.ascontiguousarray(np.moveaxis(image, 2, 0)), background, strict=True)
    ]
    return np.stack(planes, axis=-1)
