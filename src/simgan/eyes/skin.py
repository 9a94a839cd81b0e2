"""Skin: relief of the lids as a profile away from the margins, texture, and lashes. One look-up each."""

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
"""Outside the corners the relief of the lids is half as strong after this many mm."""


@dataclass(frozen=True)
class SkinLayers:
    """Float32 fields (N, H, W).

    Attributes:
        skin: brightness of the skin, lids included.
        light: what lashes let through, in [0, 1].
    """

    skin: Floats
    light: Floats


def draw_skin(camera: Camera, scene: Scene, looks: Appearance, lids: LidField) -> SkinLayers:
    """Draws skin over the whole image, the opening included, and the lashes before it."""
    per_mm = _samples_per_mm(camera)
    place = _place(lids, per_mm)
    profile = _profile(scene, looks, per_mm)  # (N, P)
    rows = len(profile[0])
    image = np.arange(len(profile))[:, None, None]
    skin = profile.take(place + image * rows)
    skin -= 1.0
    skin *= 1.0 / (1.0 + (lids.beyond / CORNER_FADE) ** 2)
    skin += 1.0
    texture = cut(noise_tile(camera.height, camera.width, 0.9, 1.4), camera.height, camera.width, looks.places)
    skin += texture * per_image(looks.skin_texture)
    x = camera.rays_x * (1000.0 / 30.0)  # about -1 to 1 over the image
    skin += (0.18 * looks.skin_relief[:, None] * (looks.light[:, :1] * x - np.exp(-4.0 * (x + 0.9))))[:, None, :]

    atlas = lash_atlas(per_mm, max(1, round(per_mm / camera.px_per_mm)))
    kind = np.minimum(looks.lash_kind * ROWS_OF_LASHES, ROWS_OF_LASHES - 1.0).astype(np.intp)[:, None, None]
    share = np.clip((lids.along + OVERHANG) / (1.0 + 2.0 * OVERHANG), 0.0, 0.9999)
    column = (share * atlas.shape[2]).astype(np.intp) + kind * (atlas.shape[1] * atlas.shape[2])
    place *= atlas.shape[2]
    place += column
    light = atlas.take(place)
    light *= per_image(-looks.lash)
    light += 1.0
    return SkinLayers(skin=skin, light=light)


def _samples_per_mm(camera: Camera) -> int:
    """Resolution of profiles and lashes: four a pixel or so at 55 px, never under two."""
    return int(min(6 * 2 ** np.ceil(np.log2(max(camera.px_per_mm / 3.0, 1.0))), 24))


def _place(lids: LidField, per_mm: int) -> Indices:
    """Index of every pixel on the axis that `lash_atlas` documents: lower lid first, then the upper one."""
    above = np.clip(lids.above, -REACH_INSIDE, REACH_OUTSIDE - 0.2)
    below = np.clip(lids.below, -REACH_INSIDE, REACH_OUTSIDE - 0.2)
    upper = above > below
    np.negative(below, out=below)
    below += REACH_OUTSIDE
    above += REACH_INSIDE + SPAN
    np.copyto(below, above, where=upper)
    below *= per_mm
    return below.astype(np.intp)


def _profile(scene: Scene, looks: Appearance, per_mm: int) -> Floats:
    """Brightness of the skin away from the margins, float32 (N, P): P covers twice 17 mm as `_place` lays them out."""
    half = round(SPAN * per_mm)
    away = ((np.arange(half) + 0.5) / per_mm - REACH_INSIDE).astype(np.float32)  # mm outside a margin
    relief, line, rim = looks.skin_relief[:, None], looks.lash_line[:, None], looks.wet_rim[:, None]
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
