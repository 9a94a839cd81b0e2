"""Which pixel range a data set is read with: given, known from a training, that of the type, or inferred."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from simgan.images.pixels import PixelRange, infer_range

Origin = Literal["given", "known", "type", "inferred"]
GUESSED: tuple[Origin, ...] = ("type", "inferred")


@dataclass(frozen=True)
class TypedRange:
    """A pixel range that is known for a stored type, such as a training recorded it."""

    pixel_range: PixelRange
    dtype: np.dtype[Any] | None
    """None in the records of older versions, which do not name it."""
    known_from: str = "the training"
    """Whose range it is, in words."""

    def belongs_to(self, dtype: np.dtype[Any]) -> bool:
        """Whether the range holds for pixels of `dtype`: of the same type, where all types of floats are one."""
        if self.dtype is None:
            return dtype.kind == "f" or self.pixel_range.can_be_stored(dtype)
        return self.dtype == dtype or self.dtype.kind == dtype.kind == "f"


def in_words(origin: Origin, asked: PixelRange | TypedRange | None) -> str:
    """What an error message adds to a range that pixels do not fit."""
    if origin == "known" and isinstance(asked, TypedRange):
        return f", the range of {asked.known_from}"
    return ", the range inferred from a sample" if origin == "inferred" else ""


def choose_range(
    asked: PixelRange | TypedRange | None, dtype: np.dtype[Any], sample: Iterable[NDArray[Any]], where: str
) -> tuple[PixelRange, Origin]:
    """The pixel range for images of `dtype`, and where it comes from.

    Args:
        asked: a range is used as it is; one of a type if it belongs to that of the images. Else the full range of
            uint8 and uint16 is used, and for floats one is inferred.
        sample: images to infer it from, read only then.
        where: the data set, in words for an error message.

    Raises:
        DataError: an integer type cannot hold the range, or none can be inferred.
    """
    if isinstance(asked, TypedRange):
        if asked.belongs_to(dtype):
            return asked.pixel_range, "known"
    elif asked is not None:
        asked.check_dtype(dtype)
        return asked, "given"
    if dtype.kind == "f":
        return infer_range(sample, where), "inferred"
    return PixelRange.of(dtype), "type"
