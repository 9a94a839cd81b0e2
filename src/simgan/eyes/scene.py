"""Draws the geometry of every image: gaze, head, eyeball and lids. Both domains have the same distributions."""

from dataclasses import dataclass

import numpy as np

from simgan.eyes.draws import Draws
from simgan.eyes.geometry import DISTANCE, EYEBALL_RADIUS, gaze_vector, rotation
from simgan.eyes.labels import Floats

GAZE_RANGE = float(np.radians(32.0))
"""Pitch and yaw are uniform over plus and minus this; the lids leave the iris visible at all of these angles."""
HEAD_RANGE = float(np.radians(10.0))
HEAD_FOLLOWS_GAZE = 0.3
"""Share of the gaze angle that the head takes, so the eye need not turn more than some 32 degrees in the head."""
LEAST_OPENING = 4.2
"""Least height of the opening of an eye, mm: the gaze of a closed eye could not be seen."""
ENTRANCE_PUPIL_SHIFT = 0.45
"""The cornea makes the pupil appear this much nearer to the camera, mm, and 13 % larger (Atchison and Smith 2000)."""
ENTRANCE_PUPIL_SIZE = 1.13
CORNERS_TO_EYEBALL = 7.0
"""Depth of the eyeball's centre behind the corners, mm (ours: fits the fissures of UnityEyes)."""


@dataclass(frozen=True)
class Scene:
    """Geometry of N images; every field is float32 with N rows, in mm and radians unless it says otherwise.

    Attributes:
        gaze, head_pose: (N, 2) pitch and yaw, as in `Eyes`.
        head: (N, 3, 3) rotation of the head.
        axes: (N, 3, 3) rotation of the eyeball; the third column is minus the gaze vector.
        eyeball: (N, 3) centre of the eyeball.
        iris: (N, 3) centre of the iris disc.  iris_radius: (N,).
        pupil: (N, 3) centre of the entrance pupil.  pupil_radius: (N,), as seen through the cornea.
        corners: (N, 3) midpoint of the corners.  fissure: (N,) distance between them.
        tilt: (N,) rise of the outer corner over the inner one.
        upper, lower: (N,) height of the lid margins over and under the line of the corners.
        round_upper, round_lower, skew: (N,) shape of the lids, see `lids.margin`.
        crease: (N,) height of the lid fold over the upper margin.
    """

    gaze: Floats
    head_pose: Floats
    head: Floats
    axes: Floats
    eyeball: Floats
    iris: Floats
    iris_radius: Floats
    pupil: Floats
    pupil_radius: Floats
    corners: Floats
    fissure: Floats
    tilt: Floats
    upper: Floats
    lower: Floats
    round_upper: Floats
    round_lower: Floats
    skew: Floats
    crease: Floats


def draw_scene(draws: Draws) -> Scene:
    """Draws the geometry of one batch of images."""
    gaze = np.stack([draws.uniform(-GAZE_RANGE, GAZE_RANGE), draws.uniform(-GAZE_RANGE, GAZE_RANGE)], axis=-1)
    turned = np.stack([draws.uniform(-HEAD_RANGE, HEAD_RANGE), draws.uniform(-HEAD_RANGE, HEAD_RANGE)], axis=-1)
    head_pose = HEAD_FOLLOWS_GAZE * gaze + turned
    head, axes = rotation(head_pose), rotation(gaze)

    corners = np.stack([draws.bell(0.0, 0.6), draws.bell(0.6, 0.6), DISTANCE + draws.bell(0.0, 6.0)], axis=-1)
    offset = np.stack([draws.bell(0.0, 0.5), draws.bell(-0.9, 0.4), draws.bell(CORNERS_TO_EYEBALL, 0.4)], axis=-1)
    eyeball = corners + np.einsum("nij,nj->ni", head, offset)

    iris_radius = draws.bell(5.9, 0.2)
    depth = np.sqrt(EYEBALL_RADIUS**2 - iris_radius**2)
    iris = eyeball + depth[:, None] * gaze_vector(gaze)
    decentre = np.stack([draws.bell(-0.2, 0.12), draws.bell(0.0, 0.12), np.zeros_like(depth)], axis=-1)
    pupil = iris + ENTRANCE_PUPIL_SHIFT * gaze_vector(gaze) + np.einsum("nij,nj->ni", axes, decentre)

    rise = depth * np.sin(gaze[:, 0] - head_pose[:, 0])  # how far the gaze raises the iris relative to the head
    upper = draws.bell(5.6, 0.7) + draws.bell(0.7, 0.06) * rise
    lower = draws.bell(4.5, 0.5) - draws.bell(0.32, 0.06) * rise
    crease = draws.bell(4.2, 1.0) - 0.45 * rise  # the fold stays where it is while the lid moves
    return Scene(
        gaze=gaze,
        head_pose=head_pose,
        head=head,
        axes=axes,
        eyeball=eyeball,
        iris=iris,
        iris_radius=iris_radius,
        pupil=pupil,
        pupil_radius=ENTRANCE_PUPIL_SIZE * draws.bell(1.9, 0.35),
        corners=corners,
        fissure=draws.bell(29.5, 1.0),
        tilt=draws.bell(1.4, 0.8),
        upper=np.maximum(upper, LEAST_OPENING - lower),
        lower=lower,
        round_upper=draws.bell(0.8, 0.08),
        round_lower=draws.bell(0.85, 0.08),
        skew=draws.bell(0.16, 0.06),
        crease=np.maximum(crease, 1.8),
    )
