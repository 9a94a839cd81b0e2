"""Colour to grey and grey to colour, for a data set whose pictures are not all of one kind."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# ITU-R 601 luma in 65536ths, as Pillow's convert('L') has it.
_LUMA = np.array([19595, 38470, 7471], np.uint64)


def to_channels(image: NDArray[Any], channels: int | None) -> NDArray[Any]:
    """(H, W, C) `image` with 1 or 3 channels, in its own type; None, or an image of other counts: as it is."""
    if channels == 3 and image.shape[2] == 1:
        return np.repeat(image, 3, axis=2)
    if channels == 1 and image.shape[2] == 3:
        if image.dtype.kind == "f":
            return (image @ (_LUMA / 65536).astype(image.dtype))[..., np.newaxis]  # type: ignore[no-any-return]
        luma = (image.astype(np.uint64) @ _LUMA + 0x8000) >> np.uint64(16)
        return luma.astype(image.dtype)[..., np.newaxis]
    return image
