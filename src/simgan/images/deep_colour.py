"""Reading and writing 16-bit colour PNG and TIFF with OpenCV, because Pillow reduces them to 8 bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from simgan.errors import DataError

# Pillow's raw modes of 16-bit colour, by format. TIFF with alpha is not read: its colours may be multiplied by alpha.
_RAW_MODES = {"PNG": ("RGB;16B", "RGBA;16B"), "TIFF": ("RGB;16B", "RGB;16L", "RGB;16N")}
_TIFF_COMPRESSION = {"raw": 1}
_LZW = 5


def is_deep(picture: Image.Image, raw_mode: str) -> bool:
    """Whether the opened `picture`, of Pillow's `raw_mode`, has 16-bit colour that `read_deep` can read."""
    return raw_mode in _RAW_MODES.get(str(picture.format), ())


def read_deep(picture: Image.Image, path: Path, where: str) -> NDArray[np.uint16]:
    """(H, W, 3) or, with alpha, (H, W, 4) pixels at full depth.

    Raises DataError unless the upper 8 bits of the pixels equal the 8-bit pixels that Pillow reads: Pillow applies no
    gamma and keeps the order of the channels."""
    import cv2  # imported here, because 8-bit pictures do not need OpenCV

    pixels: Any = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    upper = np.asarray(picture)
    if pixels is None or pixels.dtype != np.uint16 or pixels.shape != upper.shape or pixels.ndim != 3:
        received = "none" if pixels is None else f"{pixels.shape} {pixels.dtype}"
        raise DataError(f"{where}: expected {upper.shape} 16-bit pixels, received {received}; convert it to 8 bits")
    pixels = _swapped(pixels)
    if not np.array_equal(pixels >> 8, upper):
        raise DataError(
            f"{where}: expected 16-bit colour that OpenCV and Pillow read alike, received other values; convert it to "
            "8 bits, or put the images into an .npy file"
        )
    return pixels  # type: ignore[no-any-return]


def encode_deep(image: NDArray[np.uint16], kind: str, compression: str) -> bytes:
    """(H, W, 3 or 4) `image` as a PNG or TIFF (`kind`) without loss, and without metadata."""
    import cv2

    suffix, options = (".png", []) if kind == "PNG" else (".tiff", [cv2.IMWRITE_TIFF_COMPRESSION])
    options += [_TIFF_COMPRESSION.get(compression, _LZW)] if options else []
    done, content = cv2.imencode(suffix, _swapped(image), options)
    if not done:
        raise OSError(f"OpenCV cannot encode {image.shape} {image.dtype} as {kind}")
    return bytes(content.tobytes())


def _swapped(image: NDArray[Any]) -> NDArray[Any]:
    """RGB to OpenCV's BGR, or back; alpha stays last."""
    return np.ascontiguousarray(image[..., [2, 1, 0, 3][: image.shape[2]]])
