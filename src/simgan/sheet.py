"""Picture sheets: synthetic | refined | real | difference, one row an image, with headings."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

_HEADINGS = ("synthetic", "refined", "real", "difference")
_TILE = 160  # px: wide enough for a heading, and for a person to see what changed
_GAP, _HEADING = 4, 18  # px


def picture_sheet(
    synthetic: NDArray[np.float32], refined: NDArray[np.float32], real: NDArray[np.float32]
) -> Image.Image:
    """Draws one row for each image.

    Args:
        synthetic: (N, H, W, C) in [-1, 1]. With C other than 1 or 3 the first channel is shown.
        refined: the same images refined.
        real: (N, H, W, C), unpaired.

    Returns:
        An RGB picture. In the difference (x~ - x) mid-grey means no change, lighter means that R brightened.
    """
    columns = (synthetic, refined, real, (refined - synthetic) / 2)
    scale = max(1, round(_TILE / synthetic.shape[2]))
    width, height = synthetic.shape[2] * scale, synthetic.shape[1] * scale
    sheet = Image.new(
        "RGB",
        (len(columns) * (width + _GAP) + _GAP, len(synthetic) * (height + _GAP) + _HEADING + _GAP),
        "white",
    )
    draw = ImageDraw.Draw(sheet)
    for column, heading in enumerate(_HEADINGS):
        left = _GAP + column * (width + _GAP)
        draw.text((left, 3), heading, fill="black")
        for row, image in enumerate(columns[column]):
            top = _HEADING + row * (height + _GAP)
            sheet.paste(to_picture(image).resize((width, height), Image.Resampling.NEAREST), (left, top))
    return sheet


def to_picture(image: NDArray[np.float32]) -> Image.Image:
    """One image (H, W, C) in [-1, 1] as an 8-bit picture, RGB with three channels and grey otherwise."""
    pixels = np.rint((np.clip(image, -1, 1) + 1) * 127.5).astype(np.uint8)
    return Image.fromarray(pixels if pixels.shape[-1] == 3 else pixels[..., 0])
