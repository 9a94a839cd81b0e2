"""The framing map: changes the place, size and slant of content so that they are distributed as in the photographs.

Each moment of the content (moments.py) is mapped by quantiles from its distribution in the synthetic images to that in
the photographs. The map is monotone: the narrowest synthetic digit becomes as narrow as the narrowest photographed
one. The image is then warped affinely so that its content has the mapped moments.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from simgan.framing.moments import MOMENTS, PLAIN, Content, background_of, measure
from simgan.images.resizing import resize

# Ours: docs/experiments.md, section 15.
_PLAIN_IMAGES = 0.9  # share of the images of each set that must have a plain background
_FEWEST = 50  # images of each set that must have content
_QUANTILES = 256
# A moment differs if samples of one distribution differ as much with a probability below `_CHANCE`, and if its
# quantiles differ by its number in `_LEAST_DIFFERENCE` or more on average (in the order of MOMENTS).
_CHANCE = 1e-4
_LEAST_DIFFERENCE = (0.01, 0.01, 0.03, 0.03, 0.03)
# Limits of the numbers that are read from a file. The maps that `fit_map` makes are within them.
_LARGEST_SIDE, _LARGEST_MARGIN, _LARGEST_MOMENT = 4096, 0.49, 16.0
_LARGEST_CHANGE = 0.8  # of the slant, and of the logarithm of width or height (2.2 times as large)

_Quantiles = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class FramingMap:
    """Maps place, size and slant of content from their quantiles in synthetic images to those in photographs."""

    size: tuple[int, int]
    """(H, W) at which both sets were measured. Images of other sizes are resized to this size for measuring."""
    margins: tuple[float, ...]
    """The least distances of the content of photographs from the left, upper, right and lower border, as shares of
    the sides. The map brings content no nearer to the border."""
    synthetic: _Quantiles
    """Quantiles of each of MOMENTS in the synthetic images, evenly spaced."""
    photographs: _Quantiles
    """The same for the photographs. A moment that does not differ has the synthetic images' quantiles here too."""

    def frame(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Frames an image (H, W, C) in [-1, 1]. An image whose content cannot be measured is returned as it is.

        Interpolation is bilinear; an image that shrinks is smoothed first, against aliasing. Pixels that come in from
        beyond the border get the colour of the background.
        """
        content = measure(resize(image, self.size))
        if content is None:
            return image
        linear, moved = self._affine(content)
        if np.allclose(linear, np.eye(2), atol=1e-6) and np.abs(moved).max() < 1e-6:
            return image
        height, width = image.shape[:2]
        sides = np.array([width, height])
        linear = linear * sides[:, None] / sides
        moved = moved * sides + (linear - np.eye(2)) @ [0.5, 0.5]  # pixel 0 has its middle at 0.5
        smooth = [max(0.4 * max(scale**-2 - 1, 0) ** 0.5, 1e-6) for scale in np.abs(np.diag(linear))]
        planes = []  # one by one, since OpenCV takes at most four channels
        for plane, value in zip(np.ascontiguousarray(np.moveaxis(image, 2, 0)), background_of(image)[0], strict=True):
            if max(smooth) > 1e-6:
                plane = np.asarray(cv2.GaussianBlur(plane, (0, 0), smooth[0], sigmaY=smooth[1]), np.float32)
            planes.append(
                cv2.warpAffine(plane, np.column_stack([linear, moved]), (width, height), borderValue=float(value))
            )
        return np.stack(planes, axis=-1)

    def target(self, moments: NDArray[np.float64]) -> NDArray[np.float64]:
        """The moments (5,) that content with `moments` (5,) gets.

        A moment beyond the outermost quantile changes by as much as this quantile.
        """
        mapped = moments.copy()
        for at, (before, after) in enumerate(self._knots):
            change = float(np.interp(moments[at], before, after) - np.clip(moments[at], before[0], before[-1]))
            limit = np.inf if MOMENTS[at] in ("right", "down") else _LARGEST_CHANGE
            mapped[at] += np.clip(change, -limit, limit)
        return mapped

    @cached_property
    def _knots(self) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """For each moment: its values in synthetic images, ascending, and the values of equal rank in photographs."""
        knots = []
        for synthetic, photographs in zip(self.synthetic, self.photographs, strict=True):
            values, counts = np.unique(synthetic, return_counts=True)
            rank = np.cumsum(counts) - (counts + 1) / 2  # the middle rank of equal values
            knots.append((values, np.interp(rank, np.arange(len(photographs)), photographs)))
        return knots

    def _affine(self, content: Content) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The affine map to the target moments of content, relative to the sides: `linear` (2, 2) and `moved` (2,)."""
        moments, target = content.moments, self.target(content.moments)
        across, down = np.exp(target[2:4] - moments[2:4])
        linear = np.array([[across, target[4] * down - moments[4] * across], [0, down]])
        outline = (content.outline - moments[:2]) @ linear.T + target[:2]
        # The moments are mapped one by one, and together they may bring content beyond the border.
        least, most = np.array(self.margins[:2]), 1 - np.array(self.margins[2:])
        low, high = outline.min(axis=0), outline.max(axis=0)
        shrink = np.minimum(1, (most - least) / (high - low))
        centre = target[:2]
        low, high = centre + shrink * (low - centre), centre + shrink * (high - centre)
        linear = linear * shrink[:, None]
        centre = centre + np.maximum(least - low, 0) - np.maximum(high - most, 0)
        return linear, centre - linear @ moments[:2]

    def describe(self) -> str:
        """What the map changes on average, in words."""
        change = (np.array(self.photographs) - np.array(self.synthetic)).mean(axis=1)
        lean = -change[4] * self.size[1] / self.size[0]
        return (
            f"on average content becomes {np.exp(change[2]):.2f} times as wide and {np.exp(change[3]):.2f} times as "
            f"high, moves by {change[1]:+.1%} of the height (down) and {change[0]:+.1%} of the width (right), and "
            f"leans {lean:+.2f} px further right for each px up"
        )

    def to_json(self) -> str:
        """The map as JSON text, without loss."""
        moments = {
            name: {"synthetic": synthetic, "photographs": photographs}
            for name, synthetic, photographs in zip(MOMENTS, self.synthetic, self.photographs, strict=True)
        }
        return json.dumps({"size": self.size, "margins": self.margins, "moments": moments}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "FramingMap":
        """The map that `to_json` wrote. Raises ValueError if the text is anything else."""
        try:
            found = json.loads(text)
            height, width = found["size"]
            sets = [
                tuple(tuple(map(float, found["moments"][moment][name])) for moment in MOMENTS)
                for name in ("synthetic", "photographs")
            ]
            read = cls((int(height), int(width)), tuple(map(float, found["margins"])), *sets)
        except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError(f"no framing map: {type(error).__name__} {error}") from None
        lengths = {len(quantiles) for of_set in sets for quantiles in of_set}
        if len(lengths) != 1 or 0 in lengths or len(read.margins) != 4 or not np.isfinite([*sets]).all():
            raise ValueError("no framing map: its numbers are incomplete")
        values = np.array(sets)
        are_sides = all(isinstance(side, int) and 1 <= side <= _LARGEST_SIDE for side in (height, width))
        are_margins = all(0 <= margin <= _LARGEST_MARGIN for margin in read.margins)
        are_quantiles = (np.diff(values, axis=-1) >= 0).all() and np.abs(values).max() <= _LARGEST_MOMENT
        if not (are_sides and are_margins and are_quantiles):
            raise ValueError("no framing map: its numbers are impossible")
        return read


class Fit(NamedTuple):
    """The result of `fit_map`."""

    map: FramingMap | None
    """None if the sets are framed alike, or cannot be measured."""
    obstacle: str
    """Why the sets cannot be measured, in words; empty if they can."""


def fit_map(synthetic: NDArray[np.float32], photographs: NDArray[np.float32]) -> Fit:
    """Measures samples of both sets, which must have one size, and makes the map from the first to the second.

    The sets can be measured if 90 % of the images of each have a plain background (more than 60 % of the border within
    0.1 of its median), and 50 of each have content.

    Args:
        synthetic: (N, H, W, C) in [-1, 1].
        photographs: (M, H, W, C), the same H, W and C.
    """
    measured = []
    for name, images in (("synthetic images", synthetic), ("photographs", photographs)):
        plain = float(np.mean([background_of(image)[1] > PLAIN for image in images]))
        if plain < _PLAIN_IMAGES:
            return Fit(None, f"only {plain:.0%} of the {name} have a plain background")
        found = [content for content in map(measure, images) if content is not None]
        if len(found) < _FEWEST:
            return Fit(None, f"only {len(found)} of the {name} that were measured have content ({_FEWEST} are needed)")
        measured.append(found)
    height, width = synthetic.shape[1:3]
    of_x, of_y = (np.stack([content.moments for content in found], axis=1) for found in measured)  # (5, N), (5, M)
    ranks = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    quantiles, targets = (np.quantile(values, ranks, axis=1).T for values in (of_x, of_y))  # (5, Q)
    differ = [_differs(*moment) for moment in zip(of_x, of_y, quantiles, targets, _LEAST_DIFFERENCE, strict=True)]
    if not any(differ):
        return Fit(None, "")
    targets[~np.array(differ)] = quantiles[~np.array(differ)]
    return Fit(FramingMap((height, width), _margins(measured[1]), _tuples(quantiles), _tuples(targets)), "")


def _differs(
    of_x: NDArray[np.float64],
    of_y: NDArray[np.float64],
    quantiles: NDArray[np.float64],
    targets: NDArray[np.float64],
    least: float,
) -> bool:
    """Whether a moment differs by more than chance explains (Kolmogorov and Smirnov), and by enough to matter.

    Args:
        of_x: its values in the synthetic images, (N,).
        of_y: its values in the photographs, (M,).
        quantiles: the quantiles of `of_x`, (Q,).
        targets: the quantiles of `of_y`, (Q,).
        least: least mean difference of the quantiles that matters.
    """
    from scipy.stats import ks_2samp  # imported on use, since the import takes half a second

    if np.abs(quantiles - targets).mean() < least:
        return False
    return bool(ks_2samp(of_x, of_y, method="asymp").pvalue < _CHANCE)


def _margins(photographs: Sequence[Content]) -> tuple[float, ...]:
    low = np.min([content.outline.min(axis=0) for content in photographs], axis=0)
    high = np.max([content.outline.max(axis=0) for content in photographs], axis=0)
    return tuple(float(margin) for margin in (*low, *(1 - high)))


def _tuples(rows: NDArray[np.float64]) -> _Quantiles:
    return tuple(tuple(row) for row in rows.tolist())
