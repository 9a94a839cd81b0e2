"""Converting pictures between grey and RGB, for a data set that mixes both."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# ITU-R 601 luma in 65536ths, as Pillow's convert('L') uses it.
_LUMA = np.array([19595, 38470, 7471], np.uint64)


def to_channels(image: NDArray[Any], channels: int | None) -> NDArray[Any]:
    """Converts `image`, (H, W, C), to 1 or 3 channels of the same pixel type.

    If `channels` is None, or C is neither 1 nor 3, the image is returned unchanged.
    """
    if channels == 3 and image.shape[2] == 1:
        return np.repeat(image, 3, axis=2)
    if channels == 1 and image.shape[2] == 3:
        if image.dtype.kind == "f":
            return (image @ (_LUMA / 65536).astype(image.dtype))[..., np.newaxis]  # type: ignore[no-any-return]
        luma = (image.astype(np.uint64) @ _LUMA + 0x8000) >> np.uint64(16)
        return luma.astype(image.dtype)[..., np.newaxis]
    return image
