"""Matches the framing: gives the content of synthetic images the place and size that it has in photographs.

There are two ways. By quantiles (`simgan.framing.quantiles`), image by image, if both sets have plain backgrounds;
that slants content and scales it unequally, so directions would become wrong. By mean scale and shift, all images
alike, otherwise.
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
    """How photographs are framed otherwise than synthetic images."""

    framing: FramingMap | Framing | None
    """None: both are framed alike or share no layout. The shift of a Framing is a share of H and W."""
    sentence: str
    """Which of the two ways was chosen and why, and what it changes."""


def choose_framing(
    synthetic: NDArray[np.float32], photographs: NDArray[np.float32], *, has_directions: bool = False
) -> FramingMatch:
    """Compares how both sets are framed, by quantiles if that is possible.

    Args:
        synthetic: (N, H, W, C) in [-1, 1].
        photographs: (M, H, W, C), the same H, W and C.
        has_directions: whether labels are directions; these stay true only if all images are scaled and moved alike.
    """
    obstacle = "labels are directions, which slants and unequal scales would make wrong"
    if not has_directions:
        few = [images[evenly_spaced(len(images), _COMPARED)] for images in (synthetic, photographs)]
        fit = fit_map(*few)
        if fit.map is not None:
            return FramingMatch(fit.map, f"Framing matched image by image, by quantiles: {fit.map.describe()}.")
        if not fit.obstacle:
            return FramingMatch(None, "Content has the same place, size and slant in both sets, by quantiles.")
        obstacle = fit.obstacle
    framing = differing_framing(synthetic, photographs)
    if framing is None:
        return FramingMatch(None, f"No mean scale or shift aligns the sets better (not by quantiles: {obstacle}).")
    return FramingMatch(
        framing,
        f"Framing matched for all images alike, by the mean: content was made {framing.scale:.2f} times as large, and "
        f"moved by {framing.down:+.1%} of the height (down) and {framing.right:+.1%} of the width (right). Not image "
        f"by image, by quantiles, since {obstacle}.",
    )


def match_framing(image: NDArray[np.float32], framing: FramingMap | Framing) -> NDArray[np.float32]:
    """An image (H, W, C) in [-1, 1], framed as the photographs are."""
    return framing.frame(image) if isinstance(framing, FramingMap) else scale_and_move(image, framing)


def differing_framing(synthetic: NDArray[np.float32], photographs: NDArray[np.float32]) -> Framing | None:
    """How photographs are framed otherwise on average; None if both are framed alike or share no layout.

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


def scale_and_move(image: NDArray[np.float32], framing: Framing) -> NDArray[np.float32]:
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
    background, share = background_of(image)
    mode = cv2.BORDER_CONSTANT if share > PLAIN else cv2.BORDER_REFLECT_101
    planes = [  # one by one, since OpenCV takes at most four channels
        cv2.warpAffine(plane, moved, (width, height), borderMode=mode, borderValue=float(value))
        for plane, value in zip(np.ascontiguousarray(np.moveaxis(image, 2, 0)), background, strict=True)
    ]
    return np.stack(planes, axis=-1)
