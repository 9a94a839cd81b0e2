"""Draws the eyeball: sclera, caruncle, iris, pupil and glints, before the lids cover parts of them."""

from dataclasses import dataclass

import numpy as np

from simgan.eyes.appearance import Appearance
from simgan.eyes.draws import per_image
from simgan.eyes.geometry import CORNEA_CENTRE, CORNEA_RADIUS, EYEBALL_RADIUS, Camera, gaze_vector, plane_coordinates
from simgan.eyes.labels import Floats
from simgan.eyes.lids import LidField
from simgan.eyes.scene import Scene
from simgan.eyes.textures import IRIS_SPAN, IRISES, iris_atlas, texture_side

SHADOW_LENGTH = 3.5
"""How far below the upper lid its shadow reaches on the eyeball, mm."""
CARUNCLE_WIDTH, CARUNCLE_HEIGHT = 2.6, 2.2  # mm


@dataclass(frozen=True)
class EyeballLayers:
    """Factors for the colours of the eyeball's parts, all float32 (N, H, W), over the whole image, lids included.

    Attributes:
        sclera, flesh, iris, pupil: brightness times coverage of each part; the coverages add up to 1.
        glint: white light to add.
    """

    sclera: Floats
    flesh: Floats
    iris: Floats
    pupil: Floats
    glint: Floats


def draw_eyeball(
    camera: Camera, scene: Scene, appearance: Appearance, lids: LidField, inner_corner: Floats
) -> EyeballLayers:
    """Draws everything behind the lids; `inner_corner` (N, 2) is in px."""
    shade = _shading(camera, scene, appearance, lids)
    iris, fibres = _iris(camera, scene, appearance)
    pupil = _pupil(camera, scene)
    pupil *= iris
    flesh = _bump(camera, inner_corner + 0.5 * camera.px_per_mm, CARUNCLE_WIDTH, CARUNCLE_HEIGHT)
    white = 1.0 - iris
    flesh *= white
    white -= flesh
    glint = _glints(camera, scene, appearance)
    glint *= iris * 0.75 + 0.25  # the tear film on the sclera mirrors less sharply
    iris -= pupil
    iris *= fibres
    for layer in (white, flesh, iris):
        layer *= shade
    return EyeballLayers(sclera=white, flesh=flesh, iris=iris, pupil=pupil, glint=glint)


def _shading(camera: Camera, scene: Scene, appearance: Appearance, lids: LidField) -> Floats:
    """Brightness of the eyeball, which falls towards its edge, away from the light and under the upper lid."""
    depth = scene.eyeball[:, 2:]
    x = depth * camera.rays_x - scene.eyeball[:, :1]  # (N, W), mm from the eyeball's centre
    y = depth * camera.rays_y - scene.eyeball[:, 1:2]  # (N, H)
    facing = np.maximum((1.0 - (x / EYEBALL_RADIUS) ** 2)[:, None, :] - ((y / EYEBALL_RADIUS) ** 2)[:, :, None], 0.0)
    np.sqrt(facing, out=facing)
    strength = appearance.ball_shading[:, None]
    facing *= per_image(appearance.ball_shading)
    facing += (1.0 - strength + 0.4 * strength * appearance.light_direction[:, :1] * x / EYEBALL_RADIUS)[:, None, :]
    shadow = lids.above / SHADOW_LENGTH
    shadow += 1.0
    np.clip(shadow, 0.0, 1.0, out=shadow)
    shadow *= shadow
    shadow *= per_image(-appearance.lid_shadow)
    shadow += 1.0
    facing *= shadow
    return facing


def _iris(camera: Camera, scene: Scene, appearance: Appearance) -> tuple[Floats, Floats]:
    """Coverage of the iris disc, pupil included, and the brightness of its fibres."""
    a, b = plane_coordinates(camera, scene.iris, scene.axes)
    scale = per_image(1.0 / scene.iris_radius)
    a *= scale
    b *= scale
    radius = a * a
    radius += b * b
    np.sqrt(radius, out=radius)
    fibres = _fibres(camera, appearance, a, b)
    fibres *= per_image(appearance.iris_fibres)
    fibres += 1.0
    rim = radius - 0.72
    rim *= 1.0 / 0.28
    np.clip(rim, 0.0, 1.0, out=rim)
    rim *= rim
    rim *= per_image(-appearance.limbus_dark)
    rim += 1.0
    fibres *= rim
    softness = per_image(scene.iris_radius / (appearance.limbus_soft * 2.0 + 1.0 / camera.px_per_mm))
    coverage = 1.0 - radius
    coverage *= softness
    coverage += 0.5
    np.clip(coverage, 0.0, 1.0, out=coverage)
    return coverage, fibres


def _fibres(camera: Camera, appearance: Appearance, a: Floats, b: Floats) -> Floats:
    """Iris texture, mean 0, at coordinates in iris radii."""
    side = texture_side(camera.px_per_mm, 2.0 * IRIS_SPAN * 6.0)
    kind = np.minimum(appearance.iris_kind * IRISES, IRISES - 1.0).astype(np.intp)
    column, row = ((np.clip(c, -1.1, 1.1) + IRIS_SPAN) * (side / (2.0 * IRIS_SPAN)) for c in (a, b))
    index = row.astype(np.intp)
    index *= side
    index += column.astype(np.intp)
    index += kind[:, None, None] * side * side
    return iris_atlas(side).take(index)


def _pupil(camera: Camera, scene: Scene) -> Floats:
    """Coverage of the pupil as it is seen through the cornea."""
    a, b = plane_coordinates(camera, scene.pupil, scene.axes)
    a *= a
    b *= b
    a += b
    np.sqrt(a, out=a)
    np.subtract(per_image(scene.pupil_radius), a, out=a)
    a *= camera.px_per_mm
    a += 0.5
    return np.clip(a, 0.0, 1.0, out=a)


def _glints(camera: Camera, scene: Scene, appearance: Appearance) -> Floats:
    """Mirror images of a lamp and of a bright wall on the cornea, which is a small sphere of its own."""
    centre = scene.eyeball + CORNEA_CENTRE * gaze_vector(scene.gaze)
    to_camera = -centre / np.linalg.norm(centre, axis=-1, keepdims=True)
    field: Floats = np.zeros((len(centre), camera.height, camera.width), np.float32)
    for lamp, strength in enumerate((appearance.glint, appearance.reflection)):
        normal = appearance.lamps[:, lamp] + to_camera
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
        size = appearance.lamp_size[:, lamp]
        spot = _bump(camera, camera.project(centre + CORNEA_RADIUS * normal), size, 0.8 * size)
        spot *= per_image(strength)
        field += spot
    return field


def _bump(camera: Camera, centre: Floats, width: Floats | float, height: Floats | float) -> Floats:
    """Gaussian spots (N, H, W) of height 1 at centres (N, 2) in px; width and height are in mm, (N,) or numbers."""
    across = np.arange(camera.width, dtype=np.float32) - centre[:, :1]
    down = np.arange(camera.height, dtype=np.float32) - centre[:, 1:]
    scale_x = np.broadcast_to(1.0 / (camera.px_per_mm * np.asarray(width, np.float32)), len(centre))[:, None]
    scale_y = np.broadcast_to(1.0 / (camera.px_per_mm * np.asarray(height, np.float32)), len(centre))[:, None]
    spot: Floats = np.exp(-((across * scale_x) ** 2))[:, None, :] * np.exp(-((down * scale_y) ** 2))[:, :, None]
    return spot
