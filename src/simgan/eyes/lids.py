"""Lid margins: curves on the head, their projection, and the signed distance of every pixel to them."""

from dataclasses import dataclass

import numpy as np

from simgan.eyes.geometry import Camera
from simgan.eyes.labels import LID_POINTS, Floats
from simgan.eyes.scene import Scene

CURVE_POINTS = LID_POINTS - 1
"""Points of each margin; every second point is a label."""
LID_BULGE = 5.2
"""How much nearer to the camera the middle of a margin is than the corners, mm: margins lie on the eyeball."""
STEEPEST = 1.6
"""The steepest slope for which the distance to a margin is corrected: at the corners the slope is infinite."""


@dataclass(frozen=True)
class LidField:
    """The position of every pixel relative to the lids, in mm.

    Attributes:
        above: (N, H, W), height over the upper margin, negative below it.
        below: (N, H, W), depth under the lower margin, negative above it.
        cosine_above, cosine_below: (N, 1, W), cosine of the slope of a margin: a height or depth times this
            cosine is the distance to the margin.
        beyond: (N, 1, W), how far a column lies outside the corners, 0 between them.
        along: (N, 1, W), position along the opening, 0 at the inner corner and 1 at the outer one.
    """

    above: Floats
    below: Floats
    cosine_above: Floats
    cosine_below: Floats
    beyond: Floats
    along: Floats


def margin(scene: Scene) -> tuple[Floats, Floats]:
    """The upper and the lower margin as points (N, 33, 3) in mm in the camera's frame, inner to outer corner.

    Over s in [-1, 1] from corner to corner, the distance of a margin from their line is proportional to
    (1 - s^2)^round (1 -+ skew s). This makes the upper lid highest near the nose and the lower lid lowest near the
    temple.
    """
    s = -np.cos(np.linspace(0.0, np.pi, CURVE_POINTS)).astype(np.float32)  # closer points where the curve is steep
    arch = np.maximum(1.0 - s * s, 0.0)
    x = 0.5 * scene.fissure[:, None] * s
    line = -0.5 * scene.tilt[:, None] * s
    z = np.broadcast_to(-LID_BULGE * arch, x.shape)
    skew = scene.skew[:, None] * s
    upper = line - scene.upper[:, None] * arch ** scene.round_upper[:, None] * (1.0 - skew)
    lower = line + scene.lower[:, None] * arch ** scene.round_lower[:, None] * (1.0 + skew)
    both = (np.stack([x, y, z], axis=-1) for y in (upper, lower))
    first, second = (curve @ scene.head.transpose(0, 2, 1) + scene.corners[:, None, :] for curve in both)
    return first, second


def lid_contour(upper: Floats, lower: Floats) -> Floats:
    """The label (N, 34, 2) of projected margins (N, 33, 2)."""
    return np.concatenate([upper[:, ::2], lower[:, ::2]], axis=1)


def lid_field(camera: Camera, upper: Floats, lower: Floats) -> LidField:
    """Distances of every pixel to projected margins (N, 33, 2) in px."""
    columns = np.arange(camera.width, dtype=np.float32)
    start, end = upper[:, :1, 0], upper[:, -1:, 0]
    beyond = np.maximum(np.maximum(start - columns, columns - end), 0.0) / camera.px_per_mm
    along = (columns - start) / (end - start)
    above, cosine_above = _depth_below(camera, upper, columns)
    below, cosine_below = _depth_below(camera, lower, columns)
    np.negative(above, out=above)
    return LidField(above, below, cosine_above, cosine_below, beyond[:, None, :], along[:, None, :])


def opening(camera: Camera, lids: LidField) -> Floats:
    """Share of every pixel that lies between the lids, float32 (N, H, W) in [0, 1]."""
    inside = lids.above * lids.cosine_above
    np.maximum(inside, lids.below * lids.cosine_below, out=inside)
    inside += lids.beyond
    inside *= -camera.px_per_mm
    inside += 0.5
    return np.clip(inside, 0.0, 1.0, out=inside)


def _depth_below(camera: Camera, curve: Floats, columns: Floats) -> tuple[Floats, Floats]:
    """How far pixels lie below a curve (N, 33, 2) of growing x, (N, H, W) in mm, and the cosine of its slope (N, 1,
    W).

    Outside the corners the curve continues horizontally.
    """
    x, y = np.ascontiguousarray(curve[..., 0]), np.ascontiguousarray(curve[..., 1])
    left = (x[:, 1:-1, None] <= columns).sum(axis=1)  # (N, W), the segment of every column
    x0, x1, y0, y1 = (np.take_along_axis(a, i, axis=1) for a in (x, y) for i in (left, left + 1))
    slope = (y1 - y0) / (x1 - x0)
    height = y0 + slope * np.clip(columns - x0, 0.0, x1 - x0)
    cosine = 1.0 / np.sqrt(1.0 + np.minimum(slope * slope, STEEPEST**2))
    rows = np.arange(camera.height, dtype=np.float32)[:, None] - height[:, None, :]
    rows *= 1.0 / camera.px_per_mm
    return rows, cosine[:, None, :]
