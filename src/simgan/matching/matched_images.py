"""Synthetic images matched to photographs, as R sees them, and the photographs that a run keeps for this."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.images import ImageSource, resize
from simgan.images.changed import ChangedImages
from simgan.images.sampling import evenly_spaced
from simgan.matching.match import match_image

# Ours. Matching takes tones and low frequencies of a photograph alone, which small versions have too.
_PHOTOGRAPHS, _LONGEST_SIDE = 256, 128


class MatchedImages(ChangedImages):
    """The images of `whole`, each matched to a photograph that follows from the seed and its index."""

    def __init__(self, whole: ImageSource, photographs: Sequence[NDArray[np.float32]], seed: int) -> None:
        super().__init__(whole)
        self._photographs, self._seed = photographs, seed

    def change(self, index: int, image: NDArray[Any]) -> NDArray[Any]:
        """See `ChangedImages.change`."""
        given = self.pixel_range.to_model(image)
        matched = match_image(given, self._photographs, seed=self._seed, place=index)
        return image if matched is given else self.pixel_range.from_model(matched, image.dtype)


def matched(source: ImageSource, photographs: Sequence[NDArray[np.uint8]], seed: int) -> ImageSource:
    """The images of `source` as R sees them: matched to `photographs`, if there are any (`photographs_to_match`)."""
    return MatchedImages(source, in_model_range(photographs), seed) if photographs else source


def photographs_to_match(real: ImageSource) -> list[NDArray[np.uint8]]:
    """Evenly spaced photographs (h, w, C) of 8 bits, shrunk to a longer side of 128 px."""
    found = []
    for index in evenly_spaced(len(real), _PHOTOGRAPHS):
        photograph = real.pixel_range.to_model(real[index])
        height, width = photograph.shape[:2]
        shrink = min(1.0, _LONGEST_SIDE / max(height, width))
        if shrink < 1:
            photograph = resize(photograph, (max(1, round(height * shrink)), max(1, round(width * shrink))))
        found.append(np.round((np.clip(photograph, -1, 1) + 1) * 127.5).astype(np.uint8))
    return found


def in_model_range(photographs: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
    """Photographs of 8 bits in [-1, 1]."""
    return [np.asarray(photograph / np.float32(127.5) - 1, np.float32) for photograph in photographs]
