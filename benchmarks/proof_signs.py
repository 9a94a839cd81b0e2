"""A domain of `make proof` that is not eyes: digits on coloured signs, clean, and as a cheap camera shows them.

Both sets show scenes of the same kind; only the camera adds dirt, uneven light, a colour cast, blur, noise and JPEG.
So the sets differ in appearance alone, which a refiner can change. Images are in colour, and labels are classes.
"""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

SIDE = 32
_FINE = 4  # scenes are drawn this many times larger
_FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono", "DejaVuSerif", "DejaVuSerif-Bold", "STIXGeneral")


def draw_signs(count: int, seed: int, *, photographed: bool) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (N, 32, 32, 3) and their digits (N,)."""
    random = np.random.default_rng(seed)
    fonts = _fonts()
    digits = random.integers(10, size=count)
    images = np.empty((count, SIDE, SIDE, 3), np.uint8)
    for image, digit in zip(images, digits, strict=True):
        scene = _scene(int(digit), fonts[int(random.integers(len(fonts)))], random)
        image[:] = _photograph(scene, random) if photographed else _small(scene)
    return images, digits


def _fonts() -> list[ImageFont.FreeTypeFont]:
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return [ImageFont.truetype(str(folder / f"{name}.ttf"), 30 * _FINE) for name in _FONTS]


def _scene(digit: int, font: ImageFont.FreeTypeFont, random: np.random.Generator) -> NDArray[np.float64]:
    """(128, 128, 3) in [0, 1]: a digit on a plain ground, turned, scaled and shifted a little."""
    side = SIDE * _FINE
    canvas = Image.new("L", (side, side))
    ImageDraw.Draw(canvas).text((side / 2, side / 2), str(digit), fill=255, font=font, anchor="mm")
    turn, scale = np.radians(random.uniform(-12, 12)), random.uniform(0.85, 1.3)
    c, s = np.cos(turn) * scale, np.sin(turn) * scale
    dx, dy = side / 2 + random.uniform(-0.08, 0.08, 2) * side
    matrix = (c, s, side / 2 - c * dx - s * dy, -s, c, side / 2 + s * dx - c * dy)
    ink = np.asarray(canvas.transform((side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)) / 255
    ground, colour = random.uniform(0.05, 0.95, (2, 3))
    if abs(ground.mean() - colour.mean()) < 0.25:  # signs have contrast
        colour = np.full(3, 0.05 if ground.mean() > 0.5 else 0.95)
    return np.asarray(ground + ink[..., None] * (colour - ground))


def _photograph(scene: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.uint8]:
    """The scene with dirt, uneven light, blur, noise and JPEG artefacts."""
    side = len(scene)
    dirt = 0.6 * _field(5, side, random) + 0.4 * _field(16, side, random)
    dirty = scene + random.uniform(0.1, 0.5) * np.maximum(dirt, 0)[..., None] * (random.uniform(0.2, 0.5, 3) - scene)
    lit = dirty * np.exp(random.uniform(0.1, 0.6) * _field(3, side, random))[..., None]
    lit = lit * random.uniform(0.75, 1.1, 3) * random.uniform(0.45, 1.0) + random.uniform(0.0, 0.15)
    small = np.asarray(_blurred(lit, random.uniform(0.5, 1.4)), np.float64)
    noisy = small + random.normal(0, random.uniform(3, 14), small.shape)
    coded = io.BytesIO()
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(coded, "JPEG", quality=int(random.integers(35, 85)))
    return np.asarray(Image.open(coded))


def _field(knots: int, side: int, random: np.random.Generator) -> NDArray[np.float64]:
    """(side, side): normal numbers at knots x knots places, interpolated smoothly."""
    field = Image.fromarray(random.normal(0, 1, (knots, knots)).astype(np.float32))
    return np.asarray(field.resize((side, side), Image.Resampling.BICUBIC), np.float64)


def _blurred(scene: NDArray[np.float64], deviation: float) -> Image.Image:
    """The scene at 32x32, blurred by `deviation` pixels of that size."""
    wide = gaussian_filter(scene, (deviation * _FINE, deviation * _FINE, 0), mode="nearest")
    return Image.fromarray(_small(wide))


def _small(scene: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(128, 128, 3) in [0, 1] -> (32, 32, 3), by the mean of 4x4 pixels."""
    means = scene.reshape(SIDE, _FINE, SIDE, _FINE, 3).mean(axis=(1, 3))
    return np.rint(np.clip(means, 0, 1) * 255).astype(np.uint8)
