"""What a rendering returns, and the conventions its labels follow."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Domain = Literal["synthetic", "camera"]
DOMAINS: tuple[Domain, ...] = ("synthetic", "camera")

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

LID_POINTS = 34
"""Points of a lid contour (K): 17 of the upper lid, then 17 of the lower lid."""


@dataclass(frozen=True)
class Eyes:
    """N rendered eyes and their labels; row i of every array belongs to image i.

    All of them are left eyes seen from the front (MPIIGaze mirrors right eyes to match), so the inner corner,
    with the caruncle, lies at the left of the image. Pixel coordinates are (x, y), x to the right and y down,
    and (0, 0) is the *centre* of the top left pixel: the image spans -0.5 to W - 0.5 and -0.5 to H - 0.5.

    Attributes:
        images: uint8 (N, H, W, C), C being 1 (grey) or 3 (RGB).
        gaze: float32 (N, 2), pitch and yaw in radians in the camera's frame (x right, y down, z away from the
            camera): the optical axis of the eye is (-cos p sin y, -sin p, -cos p cos y), so that (0, 0) looks
            into the camera, a positive pitch looks up and a positive yaw looks to the left of the image.
        head_pose: float32 (N, 2), pitch and yaw in radians of the direction the face points to, same convention.
        iris_centre: float32 (N, 2), px: the projection of the centre of the iris disc (the limbus circle).
        pupil_centre: float32 (N, 2), px: the projection of the centre of the entrance pupil, that is the pupil
            as the cornea shows it: magnified, moved towards the camera, and off the axis by a fraction of a mm.
        lid_contour: float32 (N, 34, 2), px: points 0 to 16 run along the upper lid margin from the inner corner
            to the outer one, points 17 to 33 along the lower lid margin, also from the inner to the outer corner.
            Both include the corners. Points may lie outside the image.
    """

    images: Bytes
    gaze: Floats
    head_pose: Floats
    iris_centre: Floats
    pupil_centre: Floats
    lid_contour: Floats

    def __len__(self) -> int:
        return len(self.images)
