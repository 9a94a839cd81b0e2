"""The framing map: gives the content of each image a place, size and slant that occur as often in the photographs.

Each moment of the content (moments.py) is mapped by quantiles from its distribution in the synthetic images to that in
the photographs. The map is monotone: a narrow digit stays narrow among digits. The image is then warped affinely so
that its content has the mapped moments.
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
_CHANCE = 1e-4  # a moment differs if samples of one distribution differ as much with a lower probability,
_LEAST = (0.01, 0.01, 0.03, 0.03, 0.03)  # and if its quantiles differ by this much on average; as MOMENTS
# Limits of the numbers in a file: no map that `fit_map` makes is beyond them.
_LARGEST_SIDE, _LARGEST_MARGIN, _LARGEST_MOMENT = 4096, 0.49, 16.0
_MOST = 0.8  # largest change of the logarithm of width or height, and of slant: 2.2 times as large

_Quantiles = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class FramingMap:
    """How the content of synthetic images is placed, scaled and slanted in photographs, by quantiles."""

    size: tuple[int, int]
    """(H, W) at which both sets were measured. An image of another size is resized to it to be measured."""
    margins: tuple[float, ...]
    """The least distances of the content of photographs from the left, upper, right and lower border, as shares of
    the sides. Content is brought no nearer to the border."""
    synthetic: _Quantiles
    """Quantiles of each of MOMENTS in the synthetic images, evenly spaced."""
    photographs: _Quantiles
    """The same of the photographs. A moment that does not differ has the quantiles of the synthetic images."""

    def frame(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Frames an image (H, W, C) in [-1, 1]; returned as it is if no content can be measured.

        Bilinear; smoothed before shrinking, against aliasing. What comes in from beyond the border is the background.
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
        """The mapped moments, (5,), of content with `moments`. Beyond the outermost quantiles the change is theirs."""
        mapped = moments.copy()
        for at, (own, wanted) in enumerate(self._knots):
            change = float(np.interp(moments[at], own, wanted) - np.clip(moments[at], own[0], own[-1]))
            mapped[at] += change if MOMENTS[at] in ("right", "down") else np.clip(change, -_MOST, _MOST)
        return mapped

    @cached_property
    def _knots(self) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """For each moment, values in the synthetic images, ascending, and in the photographs, of the same rank."""
        knots = []
        for synthetic, photographs in zip(self.synthetic, self.photographs, strict=True):
            own, counts = np.unique(synthetic, return_counts=True)
            rank = np.cumsum(counts) - (counts + 1) / 2  # of equal values the one in the middle
            knots.append((own, np.interp(rank, np.arange(len(photographs)), photographs)))
        return knots

    def _affine(self, content: Content) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The map that gives the content its target: `linear` (2, 2) and `moved` (2,), in relative coordinates."""
        own, target = content.moments, self.target(content.moments)
        across, down = np.exp(target[2:4] - own[2:4])
        linear = np.array([[across, target[4] * down - own[4] * across], [0, down]])
        outline = (content.outline - own[:2]) @ linear.T + target[:2]
        # The moments are mapped one by one, and together they may bring content beyond the border.
        least, most = np.array(self.margins[:2]), 1 - np.array(self.margins[2:])
        low, high = outline.min(axis=0), outline.max(axis=0)
        shrink = np.minimum(1, (most - least) / (high - low))
        centre = target[:2]
        low, high = centre + shrink * (low - centre), centre + shrink * (high - centre)
        linear = linear * shrink[:, None]
        centre = centre + np.maximum(least - low, 0) - np.maximum(high - most, 0)
        return linear, centre - linear @ own[:2]

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
            name: {"synthetic": own, "photographs": wanted}
            for name, own, wanted in zip(MOMENTS, self.synthetic, self.photographs, strict=True)
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
    """Measures samples of both sets, which have been resized to one size.

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
    own, wanted = (np.stack([content.moments for content in found], axis=1) for found in measured)  # (5, N), (5, M)
    ranks = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    quantiles, targets = (np.quantile(values, ranks, axis=1).T for values in (own, wanted))  # (5, Q)
    differ = [_differs(*moment) for moment in zip(own, wanted, quantiles, targets, _LEAST, strict=True)]
    if not any(differ):
        return Fit(None, "")
    targets[~np.array(differ)] = quantiles[~np.array(differ)]
    return Fit(FramingMap((height, width), _margins(measured[1]), _tuples(quantiles), _tuples(targets)), "")


def _differs(
    own: NDArray[np.float64],
    wanted: NDArray[np.float64],
    quantiles: NDArray[np.float64],
    targets: NDArray[np.float64],
    least: float,
) -> bool:
    """Whether a moment differs: by more than chance explains (Kolmogorov and Smirnov), and by enough to matter."""
    from scipy.stats import ks_2samp  # imported on use, since the import takes half a second

    if np.abs(quantiles - targets).mean() < least:
        return False
    return bool(ks_2samp(own, wanted, method="asymp").pvalue < _CHANCE)


def _margins(photographs: Sequence[Content]) -> tuple[float, ...]:
    low = np.min([content.outline.min(axis=0) for content in photographs], axis=0)
    high = np.max([content.outline.max(axis=0) for content in photographs], axis=0)
    return tuple(float(margin) for margin in (*low, *(1 - high)))


def _tuples(rows: NDArray[np.float64]) -> _Quantiles:
    return tuple(tuple(row) for row in rows.tolist())
