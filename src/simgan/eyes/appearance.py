"""Draws the appearance of every image (colours, shading, lids, glints) by one of two random processes."""

from dataclasses import dataclass

import numpy as np

from simgan.eyes.draws import Draws
from simgan.eyes.labels import Domain, Floats

Range = tuple[float, float]

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in grey (ITU-R BT.601): a grey rendering is the grey version of the RGB rendering."""
SKINS = np.array([[0.95, 0.80, 0.72], [0.86, 0.67, 0.56], [0.70, 0.50, 0.39], [0.48, 0.33, 0.25]], np.float32)
IRISES = np.array(
    [[0.52, 0.62, 0.70], [0.50, 0.56, 0.44], [0.56, 0.46, 0.30], [0.46, 0.30, 0.18], [0.34, 0.21, 0.13]], np.float32
)
"""Blue, green, hazel, brown and dark brown."""
FLESH_TINT: Floats = np.array([1.02, 0.76, 0.72], np.float32)


@dataclass(frozen=True)
class Process:
    """The ranges from which a domain draws. Lengths are in mm, strengths are shares of brightness."""

    skin_brightness: Range
    skin_texture: Range
    skin_relief: Range
    sclera_brightness: Range
    sclera_pink: Range
    ball_shading: Range
    lid_shadow: Range
    iris_brightness: Range
    iris_fibres: Range
    limbus_dark: Range
    limbus_soft: Range
    pupil_brightness: Range
    lash: Range
    lash_line: Range
    wet_rim: Range
    glint: Range
    reflection: Range


PROCESSES: dict[Domain, Process] = {
    "synthetic": Process(
        skin_brightness=(0.62, 0.95),
        skin_texture=(0.010, 0.035),
        skin_relief=(0.5, 0.9),
        sclera_brightness=(0.92, 1.08),
        sclera_pink=(0.0, 0.15),
        ball_shading=(0.15, 0.35),
        lid_shadow=(0.2, 0.45),
        iris_brightness=(0.55, 1.05),
        iris_fibres=(0.08, 0.2),
        limbus_dark=(0.3, 0.6),
        limbus_soft=(0.10, 0.2),
        pupil_brightness=(0.01, 0.04),
        lash=(0.5, 0.9),
        lash_line=(0.35, 0.65),
        wet_rim=(0.1, 0.3),
        glint=(0.6, 1.6),
        reflection=(0.0, 0.25),
    ),
    "camera": Process(
        skin_brightness=(0.75, 1.0),
        skin_texture=(0.03, 0.08),
        skin_relief=(0.9, 1.6),
        sclera_brightness=(0.55, 0.85),
        sclera_pink=(0.2, 0.7),
        ball_shading=(0.5, 0.9),
        lid_shadow=(0.45, 0.75),
        iris_brightness=(0.15, 0.42),
        iris_fibres=(0.02, 0.1),
        limbus_dark=(0.0, 0.25),
        limbus_soft=(0.2, 0.5),
        pupil_brightness=(0.02, 0.06),
        lash=(0.2, 0.55),
        lash_line=(0.3, 0.7),
        wet_rim=(0.0, 0.12),
        glint=(0.0, 0.9),
        reflection=(0.0, 0.12),
    ),
}


@dataclass(frozen=True)
class Appearance:
    """The appearance of N images. Fields are float32 (N,) unless they say otherwise, and named as in `Process`.

    Attributes:
        skin, sclera, iris, flesh, pupil: (N, 3) colours in [0, 1]; flesh is the caruncle's.
        light_direction: (N, 2) direction of the light seen from the eye, radians to the right and down of the camera.
        lamps: (N, 2, 3) unit vectors towards the two lamps that the cornea mirrors.  lamp_size: (N, 2) mm.
        iris_kind, lash_kind: (N,) in [0, 1), which of the iris and lash textures.
        places: (N, 2) in [0, 1), where a window is cut from the noise tile.
    """

    skin: Floats
    sclera: Floats
    iris: Floats
    flesh: Floats
    pupil: Floats
    light_direction: Floats
    lamps: Floats
    lamp_size: Floats
    iris_kind: Floats
    lash_kind: Floats
    places: Floats
    skin_texture: Floats
    skin_relief: Floats
    ball_shading: Floats
    lid_shadow: Floats
    iris_fibres: Floats
    limbus_dark: Floats
    limbus_soft: Floats
    lash: Floats
    lash_line: Floats
    wet_rim: Floats
    glint: Floats
    reflection: Floats


def draw_appearance(draws: Draws, process: Process) -> Appearance:
    """Draws the appearance of one batch of images."""
    skin = _between(SKINS, draws.uniform(0.0, len(SKINS) - 1.0)) * draws.uniform(*process.skin_brightness)[:, None]
    iris = _between(IRISES, draws.uniform(0.0, len(IRISES) - 1.0)) * draws.uniform(*process.iris_brightness)[:, None]
    white = np.array([0.93, 0.91, 0.89], np.float32) * draws.uniform(*process.sclera_brightness)[:, None]
    pink = draws.uniform(*process.sclera_pink)[:, None]
    sclera: Floats = white * (1.0 - pink * np.array([0.06, 0.22, 0.24], np.float32))
    flesh = 0.5 * (skin + sclera) * FLESH_TINT
    light_direction = np.stack([draws.uniform(-0.6, 0.6), draws.uniform(-0.7, 0.1)], axis=-1)
    return Appearance(
        skin=skin,
        sclera=sclera,
        iris=iris,
        flesh=flesh,
        pupil=draws.uniform(*process.pupil_brightness)[:, None] * np.ones(3, np.float32),
        light_direction=light_direction,
        lamps=np.stack([_lamp(draws, light_direction), _lamp(draws, light_direction)], axis=1),
        lamp_size=np.stack([draws.uniform(0.4, 1.0), draws.uniform(1.2, 3.0)], axis=-1),
        iris_kind=draws.uniform(0.0, 1.0),
        lash_kind=draws.uniform(0.0, 1.0),
        places=np.stack([draws.uniform(0.0, 1.0), draws.uniform(0.0, 1.0)], axis=-1),
        skin_texture=draws.uniform(*process.skin_texture),
        skin_relief=draws.uniform(*process.skin_relief),
        ball_shading=draws.uniform(*process.ball_shading),
        lid_shadow=draws.uniform(*process.lid_shadow),
        iris_fibres=draws.uniform(*process.iris_fibres),
        limbus_dark=draws.uniform(*process.limbus_dark),
        limbus_soft=draws.uniform(*process.limbus_soft),
        lash=draws.uniform(*process.lash),
        lash_line=draws.uniform(*process.lash_line),
        wet_rim=draws.uniform(*process.wet_rim),
        glint=draws.uniform(*process.glint),
        reflection=draws.uniform(*process.reflection),
    )


def _between(palette: Floats, position: Floats) -> Floats:
    """Colours (N, 3) at positions (N,) in [0, M - 1] between the entries of a palette (M, 3)."""
    lower = np.minimum(position.astype(np.intp), len(palette) - 2)
    share = (position - lower)[:, None].astype(np.float32)
    colours: Floats = palette[lower] * (1.0 - share) + palette[lower + 1] * share
    return colours


def _lamp(draws: Draws, light_direction: Floats) -> Floats:
    """Unit vectors (N, 3) near the direction of the light."""
    right = light_direction[:, 0] + draws.uniform(-0.35, 0.35)
    down = light_direction[:, 1] + draws.uniform(-0.35, 0.35)
    towards = np.stack([np.sin(right), np.sin(down), -np.ones_like(right)], axis=-1)
    unit: Floats = towards / np.linalg.norm(towards, axis=-1, keepdims=True)
    return unit
