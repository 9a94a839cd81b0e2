"""Picture sheets: images in columns with headings, one image in each row."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

_TILE = 160  # px: wide enough for a heading, and for a person to see what changed
_WIDEST = 240  # px: wider images are shrunk, because a report would otherwise grow to tens of megabytes
_GAP, _HEADING = 4, 18  # px


def picture_sheet(
    synthetic: NDArray[np.float32], refined: NDArray[np.float32], real: NDArray[np.float32] | None = None
) -> Image.Image:
    """Draws synthetic | refined | real | difference, one row for each image.

    Args:
        synthetic: (N, H, W, C) in [-1, 1]. With C other than 1 or 3 the first channel is shown.
        refined: the same images refined.
        real: real images (N, H, W, C), not paired with the others; None: the picture has no column of real images.

    Returns:
        An RGB picture. In the column of differences (x~ - x) mid-grey means no change, and lighter means that R made
        the pixel brighter.
    """
    columns = {"synthetic": synthetic, "refined": refined}
    if real is not None:
        columns["real"] = real
    columns["difference"] = (refined - synthetic) / np.float32(2)
    return draw_columns(columns)


def draw_columns(columns: Mapping[str, NDArray[np.float32]]) -> Image.Image:
    """Draws each array of images in a column under its name. All arrays are (N, H, W, C) of one shape, in [-1, 1]."""
    count, rows, across, _ = next(iter(columns.values())).shape
    scale = max(1, round(_TILE / across)) if across <= _WIDEST else _WIDEST / across
    width, height = round(across * scale), max(1, round(rows * scale))
    filter_ = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.BOX
    drawn = Image.new(
        "RGB", (len(columns) * (width + _GAP) + _GAP, count * (height + _GAP) + _HEADING + _GAP), "white"
    )
    draw = ImageDraw.Draw(drawn)
    for column, (heading, images) in enumerate(columns.items()):
        left = _GAP + column * (width + _GAP)
        draw.text((left, 3), heading, fill="black")
        for row, image in enumerate(images):
            top = _HEADING + row * (height + _GAP)
            drawn.paste(to_picture(image).resize((width, height), filter_), (left, top))
    return drawn


def to_picture(image: NDArray[np.float32]) -> Image.Image:
    """One image (H, W, C) in [-1, 1] as an 8-bit picture, RGB with three channels and grey otherwise."""
    pixels = np.rint((np.clip(image, -1, 1) + 1) * 127.5).astype(np.uint8)
    return Image.fromarray(pixels if pixels.shape[-1] == 3 else pixels[..., 0])
