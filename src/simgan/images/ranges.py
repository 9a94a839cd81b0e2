"""Choosing the pixel range of a data set: given by the user, known from a training, that of the type, or inferred."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.images.pixels import PixelRange, infer_range

if TYPE_CHECKING:
    from simgan.images.source import ImageSource

Origin = Literal["given", "known", "type", "inferred"]
"""Where a pixel range comes from: the user, a training (`TypedRange`), the pixel type, or the pixel values."""
_GUESSED: tuple[Origin, ...] = ("type", "inferred")


@dataclass(frozen=True)
class TypedRange:
    """A pixel range and the pixel type that it applies to, as a training records them."""

    pixel_range: PixelRange
    dtype: np.dtype[Any] | None
    """The pixel type; None if an older version recorded the range, without the type."""
    known_from: str = "the training"
    """Whose range this is, in words for a message."""

    def belongs_to(self, dtype: np.dtype[Any]) -> bool:
        """Whether the range applies to pixels of `dtype`: the same type, or both are float types."""
        if self.dtype is None:
            return dtype.kind == "f" or self.pixel_range.can_be_stored(dtype)
        return self.dtype == dtype or self.dtype.kind == dtype.kind == "f"


def in_words(origin: Origin, asked: PixelRange | TypedRange | None) -> str:
    """The origin of a pixel range, as an error message adds it after the range."""
    if origin == "known" and isinstance(asked, TypedRange):
        return f", the range of {asked.known_from}"
    return ", the range inferred from a sample of the images" if origin == "inferred" else ""


def choose_range(
    asked: PixelRange | TypedRange | None, dtype: np.dtype[Any], sample: Iterable[NDArray[Any]], where: str
) -> tuple[PixelRange, Origin]:
    """Chooses the pixel range for images of `dtype`. Returns the range and where it comes from.

    Args:
        asked: the pixel range that the caller asks for. A PixelRange is always used. A TypedRange is used if it
            belongs to `dtype`. Otherwise uint8 and uint16 get their full range, and for floats the range is inferred.
        sample: images to infer the range from; they are read only in that case.
        where: the data set, in words for an error message.

    Raises:
        DataError: `dtype` is an integer type that cannot hold the range, or no range can be inferred.
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


def check_guessed_range(source: ImageSource, trained_with: TypedRange | None) -> None:
    """Raises DataError if the range of the images was guessed and differs from that of the training for their type."""
    if trained_with is None or not trained_with.belongs_to(source.dtype) or source.range_origin not in _GUESSED:
        return
    if source.pixel_range != trained_with.pixel_range:
        raise DataError(
            f"{source.path}: expected pixels in {trained_with.pixel_range}, the range in training, received a data "
            f"set whose range was guessed as {source.pixel_range}; open it with pixel_range= and the range in "
            "training (run.input_range for the images to refine), or with its true range"
        )
