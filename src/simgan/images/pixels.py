"""The one place where stored pixel values and the model's [-1, 1] meet."""

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
        """The full range of an 8-bit or 16-bit unsigned type; DataError for any other, whose range is a convention."""
        dtype = np.dtype(dtype)
        if dtype not in (np.uint8, np.uint16):
            raise DataError(f"pixel range: expected uint8 or uint16, received {dtype}; {WAY_OUT}")
        return cls(0, int(np.iinfo(dtype).max))

    def check_dtype(self, dtype: DTypeLike) -> None:
        """DataError if an integer `dtype` cannot hold the range: ends not whole numbers, or outside of its limits."""
        dtype = np.dtype(dtype)
        if not self.can_be_stored(dtype):
            limits = np.iinfo(dtype)
            raise DataError(
                f"pixel range: expected whole numbers within {limits.min}..{limits.max} for {dtype} pixels, "
                f"received {self}; {WAY_OUT}"
            )

    def can_be_stored(self, dtype: DTypeLike) -> bool:
        """Whether `dtype` can hold both ends: of an integer type, whole numbers within its limits."""
        dtype = np.dtype(dtype)
        if dtype.kind not in "iu":
            return True
        limits = np.iinfo(dtype)
        whole = float(self.low).is_integer() and float(self.high).is_integer()
        return whole and limits.min <= self.low and self.high <= limits.max

    def holds(self, low: float, high: float, dtype: DTypeLike) -> bool:
        """Whether values from `low` to `high` of type `dtype` lie within the range. NaN does not."""
        dtype = np.dtype(dtype)
        if dtype.kind == "f":
            # 0.1 as float32 is above 0.1: an end of the range is compared as a pixel would have stored it.
            return bool(np.asarray(self.low, dtype) <= low and high <= np.asarray(self.high, dtype))
        return bool(self.low <= low and high <= self.high)

    def to_model(self, image: NDArray[Any]) -> NDArray[np.float32]:
        """Stored pixels of any shape, [low, high], to float32 of the same shape, [-1, 1]. Nothing is clipped."""
        scaled: NDArray[Any] = image.astype(np.float64 if image.dtype == np.float64 else np.float32)
        scaled -= self.low
        scaled *= 2 / (self.high - self.low)
        scaled -= 1
        return scaled.astype(np.float32, copy=False)

    def from_model(self, array: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
        """Model values of any shape, [-1, 1], to stored pixels of `dtype` of the same shape, [low, high].

        Values outside of [-1, 1] are clipped; integers are rounded to the nearest. The inverse of `to_model`: exact
        for every uint8 and uint16 value. Raises DataError on NaN and if an integer `dtype` cannot hold the range.
        """
        dtype = np.dtype(dtype)
        self.check_dtype(dtype)
        if np.isnan(array.min(initial=0)):  # the least of numbers and a NaN is NaN
            raise DataError(
                "model output: expected numbers in [-1, 1], received NaN; the refiner diverged, use an earlier one"
            )
        # float32 tells the half-steps of 16 bits apart, and is twice as fast.
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
    """The range that holds every finite value of a type."""
    if dtype.kind == "f":
        return PixelRange(float(np.finfo(dtype).min), float(np.finfo(dtype).max))
    return PixelRange.of(dtype)


# Of the range: what fills less is more likely of another. Ours.
SMALL_PART = 0.1
# In this order: the first that holds every sampled value is taken.
CONVENTIONS = (PixelRange(0, 1), PixelRange(-1, 1), PixelRange(0, 255))


def infer_range(images: Iterable[NDArray[Any]], where: str) -> PixelRange:
    """The first of [0, 1], [-1, 1] and [0, 255] that holds all `images`: finite floats of any shape.

    Raises DataError, naming `where` (the data set), if none of the three does, or if [0, 255] does but all values are
    so small in it that they are more likely of another range: highlights above 1, depths in metres.
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
            f"{high:g}, which would be nearly black in {fitting}; give the range, say --range 0 {rounded_up(high)} "
            "(train: --synthetic-range, --real-range; Python: pixel_range=), or --range 0 255 if that is right"
        )
    return fitting


def rounded_up(value: float) -> str:
    """A number above 0 of two significant digits, not below `value`: 4.36 gives '4.4', 1.3 as float32 '1.3'."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return f"{math.ceil(value / unit - 1e-6) * unit:.6g}"


def within(pixels: NDArray[Any], pixel_range: PixelRange) -> bool:
    """Whether all of `pixels` (any shape, not empty) are in the range. NaN and infinity are not."""
    if pixels.dtype.kind in "iu" and PixelRange.of(pixels.dtype) == pixel_range:
        return True
    return pixel_range.holds(pixels.min(), pixels.max(), pixels.dtype)


def check_values(image: NDArray[Any], pixel_range: PixelRange, where: str, origin: str = "") -> None:
    """DataError, naming `where`, if `image` (any shape, not empty) holds NaN, infinity or a value out of the range.

    `origin` follows the range in the message: where it comes from.
    """
    if within(image, pixel_range):
        return
    low, high = image.min(), image.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        bad = int(np.count_nonzero(~np.isfinite(image)))
        raise DataError(
            f"{where}: expected finite pixels, received {bad} NaN or infinite of {image.size}; "
            "mend the image or leave it out"
        )
    raise DataError(
        f"{where}: expected pixels within {pixel_range}{origin}, received {low:g} to {high:g}; mend the image or "
        f"{WAY_OUT}"
    )
