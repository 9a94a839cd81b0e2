"""The pinhole camera of MPIIGaze, rotations, and the points where rays meet the eye. Lengths are in mm and px."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.eyes.labels import Floats

DISTANCE = 600.0
"""Distance of the camera from the midpoint of the eye's corners, mm (as in MPIIGaze: Zhang et al. 2015, 4.2)."""
FOCAL = 960.0
"""Focal length, px, for images 60 px wide (the same source)."""
NORMALISED_WIDTH = 60.0

EYEBALL_RADIUS = 12.0
"""mm; adult eyes measure 24 mm across."""
CORNEA_RADIUS = 7.8
"""Radius of the cornea's front surface, mm (Gullstrand's eye: 7.7)."""
CORNEA_CENTRE = 5.6
"""Distance from the eyeball's centre to the cornea's centre along the optical axis, mm: so the apex of the cornea is
13.4 mm from the eyeball's centre."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera at the origin, looking along z, whose image is H x W and centred on the axis.

    The focal length grows with the width, so the horizontal field of view is that of MPIIGaze at any size.
    """

    height: int
    width: int

    @property
    def focal(self) -> float:
        """Focal length, px."""
        return FOCAL * self.width / NORMALISED_WIDTH

    @property
    def px_per_mm(self) -> float:
        """Pixels for each millimetre at the distance of the eye."""
        return self.focal / DISTANCE

    @property
    def rays_x(self) -> Floats:
        """x of the ray (x, y, 1) of every column, (W,)."""
        columns = np.arange(self.width) - (self.width - 1) / 2
        return (columns / self.focal).astype(np.float32)

    @property
    def rays_y(self) -> Floats:
        """y of the ray (x, y, 1) of every row, (H,)."""
        rows = np.arange(self.height) - (self.height - 1) / 2
        return (rows / self.focal).astype(np.float32)

    def project(self, points: Floats) -> Floats:
        """Pixel coordinates (..., 2) of points (..., 3) given in mm; (0, 0) is the centre of the top left pixel."""
        centre = np.array([(self.width - 1) / 2, (self.height - 1) / 2], np.float32)
        return self.focal * points[..., :2] / points[..., 2:] + centre


def gaze_vector(angles: NDArray[Any]) -> NDArray[Any]:
    """Unit vectors (..., 3) of pitch and yaw (..., 2) in radians: (-cos p sin y, -sin p, -cos p cos y).

    Camera x points right, y down, z away from the camera, as in MPIIGaze.
    """
    pitch, yaw = angles[..., 0], angles[..., 1]
    return np.stack([-np.cos(pitch) * np.sin(yaw), -np.sin(pitch), -np.cos(pitch) * np.cos(yaw)], axis=-1)


def rotation(angles: Floats) -> Floats:
    """Rotation matrices (..., 3, 3) that turn (0, 0, -1) to `gaze_vector(angles)`, without roll.

    The columns are the images of the axes x, y and z; the third column is therefore minus the gaze vector.
    """
    sin_p, cos_p = np.sin(angles[..., 0]), np.cos(angles[..., 0])
    sin_y, cos_y = np.sin(angles[..., 1]), np.cos(angles[..., 1])
    zero = np.zeros_like(sin_p)
    rows = [[cos_y, -sin_y * sin_p, sin_y * cos_p], [zero, cos_p, sin_p], [-sin_y, -cos_y * sin_p, cos_y * cos_p]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def plane_coordinates(camera: Camera, origin: Floats, frame: Floats) -> tuple[Floats, Floats]:
    """Where every pixel's ray meets a plane, in the plane's own axes.

    The plane goes through `origin` (N, 3) and is spanned by the first two columns of `frame` (N, 3, 3), the third
    being its normal n. A ray t r meets it at t = (origin . n) / (r . n), so both coordinates are quotients of
    functions that are linear across the image: (t r - origin) . e = ((origin . n) e - (origin . e) n) . r / (n . r).

    Returns:
        Two float32 fields (N, H, W), mm.
    """
    origin64, frame64 = origin.astype(np.float64), frame.astype(np.float64)  # differences of numbers near 600
    along = np.einsum("nij,ni->nj", frame64, origin64)
    normal = frame64[:, :, 2]
    inverse = 1.0 / _linear(camera, normal)
    first = _linear(camera, along[:, 2:] * frame64[:, :, 0] - along[:, :1] * normal)
    second = _linear(camera, along[:, 2:] * frame64[:, :, 1] - along[:, 1:2] * normal)
    first *= inverse
    second *= inverse
    return first, second


def _linear(camera: Camera, weights: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Floats:
    """weights . (x, y, 1) over all rays, float32 (N, H, W), of weights (N, 3)."""
    w = weights.astype(np.float32)
    across = w[:, :1] * camera.rays_x + w[:, 2:]  # (N, W)
    down = w[:, 1:2] * camera.rays_y  # (N, H)
    field: Floats = across[:, None, :] + down[:, :, None]
    return field
