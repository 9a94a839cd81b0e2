"""Draws the skin: the relief of the lids, which depends on the distance from their margins, a texture, and lashes.

Each of the three is one look-up for every pixel.
"""

from dataclasses import dataclass

import numpy as np

from simgan.eyes.appearance import Appearance
from simgan.eyes.draws import per_image
from simgan.eyes.geometry import Camera
from simgan.eyes.labels import Floats
from simgan.eyes.lashes import OVERHANG, REACH_INSIDE, REACH_OUTSIDE, ROWS_OF_LASHES, SPAN, lash_atlas
from simgan.eyes.lids import LidField
from simgan.eyes.scene import Scene
from simgan.eyes.textures import Indices, cut, noise_tile

CORNER_FADE = 1.3
"""The distance from the corners, mm, at which the relief of the lids is half as strong."""


@dataclass(frozen=True)
class SkinLayers:
    """Float32 fields (N, H, W).

    Attributes:
        skin: brightness of the skin, lids included.
        transmission: share of the light that lashes let through, in [0, 1].
    """

    skin: Floats
    transmission: Floats


def draw_skin(camera: Camera, scene: Scene, appearance: Appearance, lids: LidField) -> SkinLayers:
    """Draws skin over the whole image, the opening included, and the lashes in front of it."""
    per_mm = _samples_per_mm(camera)
    place = _profile_index(lids, per_mm)
    profile = _profile(scene, appearance, per_mm)  # (N, P)
    rows = len(profile[0])
    image = np.arange(len(profile))[:, None, None]
    skin = profile.take(place + image * rows)
    skin -= 1.0
    skin *= 1.0 / (1.0 + (lids.beyond / CORNER_FADE) ** 2)
    skin += 1.0
    texture = cut(noise_tile(camera.height, camera.width, 0.9, 1.4), camera.height, camera.width, appearance.places)
    skin += texture * per_image(appearance.skin_texture)
    x = camera.rays_x * (1000.0 / 30.0)  # about -1 to 1 over the image
    skin += (
        0.18 * appearance.skin_relief[:, None] * (appearance.light_direction[:, :1] * x - np.exp(-4.0 * (x + 0.9)))
    )[:, None, :]

    atlas = lash_atlas(per_mm, max(1, round(per_mm / camera.px_per_mm)))
    kind = np.minimum(appearance.lash_kind * ROWS_OF_LASHES, ROWS_OF_LASHES - 1.0).astype(np.intp)[:, None, None]
    share = np.clip((lids.along + OVERHANG) / (1.0 + 2.0 * OVERHANG), 0.0, 0.9999)
    column = (share * atlas.shape[2]).astype(np.intp) + kind * (atlas.shape[1] * atlas.shape[2])
    place *= atlas.shape[2]
    place += column
    transmission = atlas.take(place)
    transmission *= per_image(-appearance.lash)
    transmission += 1.0
    return SkinLayers(skin=skin, transmission=transmission)


def _samples_per_mm(camera: Camera) -> int:
    """Samples of profiles and lashes for each mm: about four for each pixel at 55 px, never fewer than two."""
    return int(min(6 * 2 ** np.ceil(np.log2(max(camera.px_per_mm / 3.0, 1.0))), 24))


def _profile_index(lids: LidField, per_mm: int) -> Indices:
    """Index of every pixel on the second axis of `lash_atlas`: first the lower lid, then the upper lid."""
    above = np.clip(lids.above, -REACH_INSIDE, REACH_OUTSIDE - 0.2)
    below = np.clip(lids.below, -REACH_INSIDE, REACH_OUTSIDE - 0.2)
    upper = above > below
    np.negative(below, out=below)
    below += REACH_OUTSIDE
    above += REACH_INSIDE + SPAN
    np.copyto(below, above, where=upper)
    below *= per_mm
    return below.astype(np.intp)


def _profile(scene: Scene, appearance: Appearance, per_mm: int) -> Floats:
    """Brightness of the skin by distance from the margins, float32 (N, P). P covers 17 mm of each lid, as in
    `_profile_index`."""
    half = round(SPAN * per_mm)
    away = ((np.arange(half) + 0.5) / per_mm - REACH_INSIDE).astype(np.float32)  # mm outside a margin
    relief, line, rim = appearance.skin_relief[:, None], appearance.lash_line[:, None], appearance.wet_rim[:, None]
    fold = away - scene.crease[:, None]
    upper = 1.0 - line * _hill(away, 0.1, 0.7)
    upper = upper + relief * (
        0.05 * _hill(away, 2.4, 1.2) - 0.24 * _hill(fold, 0.0, 0.7) - 0.14 * _hill(fold, 1.2, 1.9)
    )
    upper += relief * (
        0.10 * _hill(fold, 4.5, 2.5) - 0.16 * _hill(away, 0.0, 3.0) - 0.04 * np.maximum(away - 9.0, 0.0)
    )
    lower = 1.0 + rim * _hill(away, 0.5, 0.5) - 0.5 * line * _hill(away, 1.1, 0.5)
    lower = lower + relief * (
        0.04 * _hill(away, 2.6, 1.2) - 0.11 * _hill(away, 4.6, 1.8) - 0.10 * _hill(away, 0.0, 2.5)
    )
    lower += relief * 0.03 * np.minimum(np.maximum(away - 5.0, 0.0), 6.0)
    profile: Floats = np.maximum(np.concatenate([lower[:, ::-1], upper], axis=1), 0.05)
    return profile


def _hill(x: Floats, centre: float, width: float) -> Floats:
    """exp(-((x - centre) / width)^2)."""
    hill: Floats = np.exp(-(((x - centre) / width) ** 2))
    return hill
