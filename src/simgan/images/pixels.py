"""Converting stored pixel values to the [-1, 1] of the model, and back. No other module does that."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from simgan.errors import DataError

WAY_OUT = "give the range with --range LOW HIGH (train: --synthetic-range, --real-range; Python: pixel_range=)"


@dataclass(frozen=True)
class PixelRange:
    """The stored values that map linearly to -1 (`low`) and +1 (`high`).

    Raises DataError unless both are finite and low < high.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise DataError(
                f"pixel range: expected two finite numbers LOW < HIGH, received {self.low:g},{self.high:g}; {WAY_OUT}"
            )

    def __str__(self) -> str:
        return f"[{self.low:g}, {self.high:g}]"

    @classmethod
    def of(cls, dtype: DTypeLike) -> PixelRange:
        """The full range of an 8-bit or 16-bit unsigned type; DataError for any other type."""
        dtype = np.dtype(dtype)
        if dtype not in (np.uint8, np.uint16):
            raise DataError(f"pixel range: expected uint8 or uint16, received {dtype}; {WAY_OUT}")
        return cls(0, int(np.iinfo(dtype).max))

    def check_width(self) -> None:
        """Raises DataError if float32, in which the model computes, cannot hold the width of the range."""
        if self.high - self.low > float(np.finfo(np.float32).max):
            raise DataError(
                f"pixel range: expected a range whose width float32 can hold, received {self}; give the values of "
                "black and white"
            )

    def check_dtype(self, dtype: DTypeLike) -> None:
        """Raises DataError if `dtype` cannot store both ends of the range; see `can_be_stored`."""
        dtype = np.dtype(dtype)
        if not self.can_be_stored(dtype):
            limits = np.iinfo(dtype)
            raise DataError(
                f"pixel range: expected whole numbers within {limits.min}..{limits.max} for {dtype} pixels, "
                f"received {self}; {WAY_OUT}"
            )

    def can_be_stored(self, dtype: DTypeLike) -> bool:
        """Whether `dtype` can store both ends of the range. For an integer type, both must be whole and within its
        limits."""
        dtype = np.dtype(dtype)
        if dtype.kind not in "iu":
            return True
        limits = np.iinfo(dtype)
        whole = float(self.low).is_integer() and float(self.high).is_integer()
        return whole and limits.min <= self.low and self.high <= limits.max

    def holds(self, low: float, high: float, dtype: DTypeLike) -> bool:
        """Whether values from `low` to `high`, of type `dtype`, are within the range. NaN is not."""
        dtype = np.dtype(dtype)
        if dtype.kind == "f":
            # The float32 nearest to 0.1 is above 0.1, so the ends of the range are rounded to the type of the pixels
            # first.
            return bool(np.asarray(self.low, dtype) <= low and high <= np.asarray(self.high, dtype))
        return bool(self.low <= low and high <= self.high)

    def to_model(self, image: NDArray[Any]) -> NDArray[np.float32]:
        """Converts stored pixels of any shape from [low, high] to float32 in [-1, 1]. Values are not clipped."""
        scaled: NDArray[Any] = image.astype(np.float64 if image.dtype == np.float64 else np.float32)
        scaled -= self.low
        scaled *= 2 / (self.high - self.low)
        scaled -= 1
        return scaled.astype(np.float32, copy=False)

    def from_model(self, array: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
        """Converts model values of any shape from [-1, 1] to stored pixels of type `dtype` in [low, high].

        Values outside [-1, 1] are clipped, and for an integer `dtype` rounded to the nearest integer. This is the
        inverse of `to_model`, exact for every uint8 and uint16 value. Raises DataError if a value is NaN, or if an
        integer `dtype` cannot store the range.
        """
        dtype = np.dtype(dtype)
        self.check_dtype(dtype)
        if np.isnan(array.min(initial=0)):  # the minimum of an array that holds NaN is NaN
            raise DataError(
                "model output: expected numbers in [-1, 1], received NaN; the training of R diverged: use an "
                "earlier checkpoint with --checkpoint"
            )
        # float32 is exact enough to round 16-bit values correctly, and twice as fast as float64.
        exact = np.float32 if dtype.kind in "iu" else np.float64
        stored: NDArray[Any] = np.clip(array, -1, 1).astype(exact, copy=False)
        stored += 1
        stored *= (self.high - self.low) / 2
        stored += self.low
        np.clip(stored, self.low, self.high, out=stored)
        if dtype.kind in "iu":
            np.rint(stored, out=stored)
        return stored.astype(dtype, copy=False)


def any_finite(dtype: np.dtype[Any]) -> PixelRange:
    """The range of all finite values of `dtype`."""
    if dtype.kind == "f":
        return PixelRange(float(np.finfo(dtype).min), float(np.finfo(dtype).max))
    return PixelRange.of(dtype)


# Values that fill a smaller share of a range more likely belong to another range. Ours.
SMALL_PART = 0.1
# Usual ranges of float pixels. The first in this order that contains every sampled value is chosen.
CONVENTIONS = (PixelRange(0, 1), PixelRange(-1, 1), PixelRange(0, 255))


def infer_range(images: Iterable[NDArray[Any]], where: str) -> PixelRange:
    """The first of [0, 1], [-1, 1] and [0, 255] that contains all values of `images`: finite floats of any shape.

    Raises DataError, with the name `where` of the data set, if none of the three contains them. Raises it too if only
    [0, 255] contains them, but all are so small that another range is more likely: highlights above 1, or depths in
    metres.
    """
    low, high = math.inf, -math.inf
    for image in images:
        low, high = min(low, float(image.min())), max(high, float(image.max()))
    fitting = next((one for one in CONVENTIONS if one.low <= low and high <= one.high), None)
    if fitting is None:
        raise DataError(
            f"{where}: expected float pixels within [0, 1], [-1, 1] or [0, 255], received {low:g} to {high:g}; "
            f"{WAY_OUT}"
        )
    if fitting == CONVENTIONS[-1] and high < SMALL_PART * fitting.high:
        raise DataError(
            f"{where}: expected float pixels within [0, 1] or [-1, 1], or up to about 255, received {low:g} to "
            f"{high:g}, which would be nearly black in {fitting}; give the range, such as --range 0 "
            f"{rounded_up(high)} (train: --synthetic-range, --real-range; Python: pixel_range=), or --range 0 255 if "
            "the images are so dark"
        )
    return fitting


def rounded_up(value: float) -> str:
    """`value` above 0, rounded up to two significant digits: 4.36 gives '4.4', the float32 1.3 gives '1.3'."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return f"{math.ceil(value / unit - 1e-6) * unit:.6g}"


def within(pixels: NDArray[Any], pixel_range: PixelRange) -> bool:
    """Whether all `pixels` (any shape, not empty) are within the range. NaN and infinity are not."""
    if pixels.dtype.kind in "iu" and PixelRange.of(pixels.dtype) == pixel_range:
        return True
    return pixel_range.holds(pixels.min(), pixels.max(), pixels.dtype)


def check_values(image: NDArray[Any], pixel_range: PixelRange, where: str, origin: str = "") -> None:
    """Raises DataError if `image` (any shape, not empty) holds NaN, infinity or a value outside the range.

    `where`: the name of the image in the message. `origin`: words that the message adds after the range, to tell where
    the range comes from.
    """
    if within(image, pixel_range):
        return
    low, high = image.min(), image.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        bad = int(np.count_nonzero(~np.isfinite(image)))
        raise DataError(
            f"{where}: expected finite pixel values, received {bad} NaN or infinite of {image.size}; "
            "repair the image or remove it"
        )
    raise DataError(
        f"{where}: expected pixels within {pixel_range}{origin}, received {low:g} to {high:g}; repair the image or "
        f"{WAY_OUT}"
    )
