"""Checking arrays of images, and finding the array of a file that holds them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import eq
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.settings.choices import Layout

IMAGE_NAMES = ("image", "images")
DTYPES = ("uint8", "uint16", "float16", "float32", "float64")
_LISTED = 8
_IMAGES_DIFFER = 2.0  # neighbours along the axis that counts images differ more than pixels, by this factor. Ours.
_PROBED_SIDE = 32  # length along each axis of what is read to see which axis counts the images
LEAST_SIDE = 6  # pixels of the smallest image side for which the order of the axes is guessed
# Largest size of what is read in one piece: an image, a label, a compressed chunk. Ours: far above sizes in use.
MAX_BYTES = 2 * 2**30
# A file of a few MB may claim to unpack to any size. Above _UNPACKED_BYTES, at most _UNPACKED_TIMES the packed size is
# accepted. Ours.
_UNPACKED_BYTES = 2**30
_UNPACKED_TIMES = 100


@dataclass(frozen=True)
class Member:
    """An array or group in an HDF5 or .npz file. `stack`: it has at least 3 axes, so it may be N x H x W [x C]
    images."""

    name: str
    described: str
    stack: bool


def one_line(error: BaseException) -> str:
    """The message of `error` on one line of at most 200 characters."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def choose(members: Sequence[Member], key: str | None, where: str, more_ways: str = "") -> str:
    """The name of the one member that holds the images.

    That is `key` if given, else the one named `image` or `images`, else the only stack. Raises DataError, listing the
    members, if there is no such member or more than one. The message ends with `more_ways`, other ways to name the
    images.
    """
    chosen = [member for member in members if member.name == key] if key is not None else _likely(members)
    if len(chosen) == 1:
        return chosen[0].name
    expected = "one image group or array" if key is None else f"a group or array {key!r}"
    found = chosen or members
    listed = ", ".join(f"{member.name!r} ({member.described})" for member in found[:_LISTED])
    more = ", ..." if len(found) > _LISTED else ""
    count = f"{len(chosen)} that could be the images" if chosen else "none"
    among = f": {listed}{more}" if chosen else f" among {listed}{more}" if members else " in an empty file"
    raise DataError(
        f"{where}: expected {expected}, received {count}{among}; "
        f"name the images with key= (--key NAME; train: --synthetic-key, --real-key){more_ways}"
    )


def _likely(members: Sequence[Member]) -> list[Member]:
    return [member for member in members if member.name in IMAGE_NAMES] or [
        member for member in members if member.stack
    ]


def check_dtype(dtype: np.dtype[Any], where: str) -> None:
    """Raises DataError, naming `where`, unless `dtype` is one of DTYPES in either byte order."""
    # The names are compared: types with fields and types of objects compare in surprising ways.
    if dtype.newbyteorder("=").name not in DTYPES or dtype.fields is not None:
        raise DataError(
            f"{where}: expected pixels of type {', '.join(DTYPES)}, received {one_line(ValueError(str(dtype)))}; "
            "convert the images to one of these"
        )


def check_shape(shape: tuple[int, ...], where: str) -> None:
    """Raises DataError, naming `where`, unless `shape` is (H, W) or (H, W, C) with no axis of length 0."""
    if len(shape) not in (2, 3) or 0 in shape:
        raise DataError(
            f"{where}: expected an image of shape H x W or H x W x C, received {shape}; repair the image or remove it"
        )


def check_size(shape: tuple[int, ...], dtype: np.dtype[Any], where: str) -> None:
    """Raises DataError, naming `where`, if an image (H, W) or (H, W, C) is too large to be read."""
    from PIL import Image  # imported on use: arrays need no decoder

    pixels = shape[0] * shape[1]
    if Image.MAX_IMAGE_PIXELS is not None and pixels > Image.MAX_IMAGE_PIXELS:
        raise DataError(
            f"{where}: expected at most {Image.MAX_IMAGE_PIXELS} pixels in an image, received {pixels}; "
            "cut it into smaller images"
        )
    check_bytes(math.prod(shape) * dtype.itemsize, where)


def check_bytes(nbytes: int, where: str) -> None:
    """Raises DataError, naming `where`, if what is to be read in one piece is larger than MAX_BYTES."""
    if nbytes > MAX_BYTES:
        raise DataError(
            f"{where}: expected at most {MAX_BYTES} bytes in one piece, received {nbytes}; split or remove the array"
        )


def check_unpacked(nbytes: int, packed: int, where: str) -> None:
    """Raises DataError, naming `where`, if `packed` bytes claim to unpack to too many `nbytes`, as in a zip bomb."""
    if nbytes > _UNPACKED_BYTES and nbytes > _UNPACKED_TIMES * packed:
        raise DataError(
            f"{where}: expected at most {_UNPACKED_TIMES} times the {packed} bytes of the packed array, received "
            f"{nbytes} bytes to unpack; the file may be damaged; if it is not, store the array uncompressed"
        )


def check_stack(shape: tuple[int, ...], dtype: np.dtype[Any], where: str) -> None:
    """Raises DataError, naming `where`, unless `shape` is (N, H, W) or (N, H, W, C) with no axis of length 0."""
    check_dtype(dtype, where)
    if len(shape) not in (3, 4) or 0 in shape:
        raise DataError(
            f"{where}: expected images of shape N x H x W or N x H x W x C, received {shape}; "
            "reshape the array or choose another with key= (--key NAME)"
        )
    check_size(shape[1:], dtype, f"{where}, each image")


def check_layout(shape: tuple[int, ...], layout: Layout | None, where: str) -> None:
    """Raises DataError, naming `where`, if a stack of `shape` does not have its channels where `layout` says.

    Without `layout` the channels must be last. Raises DataError too if the second axis looks like channels and the
    last does not, if an array of three axes looks like a single colour image, or if the last axis of four counts the
    images."""
    if layout == "nchw" and len(shape) != 4:
        raise DataError(
            f"{where}: expected images of shape N x C x H x W with --layout nchw, received {shape}; leave --layout "
            "out, or give --layout nhwc if the run was trained with nchw"
        )
    if layout is None and len(shape) == 4 and _looks_channels_first(shape[1:]):
        raise DataError(
            f"{where}: expected images of shape N x H x W x C, received {shape}, channels first; transpose them with "
            "np.moveaxis(a, 1, -1), or read them with --layout nchw (train: --synthetic-layout, --real-layout; "
            "Python: layout='nchw'), or with nhwc if the channels really are last"
        )
    if layout is None and len(shape) == 3 and shape[2] in (3, 4) and min(shape[:2]) >= LEAST_SIDE:
        raise DataError(
            f"{where}: expected images of shape N x H x W or N x H x W x C, received {shape}, which looks like one "
            "colour image; make it a stack of one image with a[np.newaxis], or read it with --layout nhwc (Python: "
            f"layout='nhwc') if it holds {shape[0]} grey images"
        )

    if layout is None and len(shape) == 4 and _looks_images_last(shape):
        raise DataError(_images_last(shape, where))


def check_images_first(array: Any, layout: Layout | None, where: str) -> None:
    """DataError, naming `where`, if grey images, (N, H, W), look like (H, W, N). Reads a small part of `array`.

    Neighbouring pixels of an image are alike, different images are not. So the last axis counts the images if
    neighbours along it differ far more than along the other two."""
    if layout is not None or len(array.shape) != 3 or min(array.shape) < LEAST_SIDE:
        return
    starts = [max(0, (length - _PROBED_SIDE) // 2) for length in array.shape]
    part = np.asarray(array[tuple(slice(start, start + _PROBED_SIDE) for start in starts)], np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        steps = [float(np.abs(np.diff(part, axis=axis)).mean()) for axis in range(3)]
    if min(steps[:2]) > 0 and steps[2] > _IMAGES_DIFFER * max(steps[:2]):  # False for NaN
        raise DataError(_images_last(array.shape, where))


def _images_last(shape: tuple[int, ...], where: str) -> str:
    return (
        f"{where}: expected images of shape N x H x W or N x H x W x C, received {shape}, which looks like H x W x N "
        "or H x W x C x N, images last; transpose it with np.moveaxis(a, -1, 0), or read it with --layout nhwc "
        "(train: --synthetic-layout, --real-layout; Python: layout='nhwc') if the images really are first"
    )


def _looks_images_last(shape: tuple[int, ...]) -> bool:
    *size, channels, count = shape
    return channels in (1, 3, 4) and count > 4 and min(size) >= LEAST_SIDE


def _looks_channels_first(shape: tuple[int, ...]) -> bool:
    first, *size = shape
    return first in (1, 3, 4) and size[-1] not in (1, 2, 3, 4) and min(size) >= LEAST_SIDE


def as_image(array: NDArray[Any], where: str) -> NDArray[Any]:
    """Converts an image (H, W) or (H, W, C) to (H, W, C) with the same values, in native byte order.

    Raises DataError if `array` is no image.
    """
    check_dtype(array.dtype, where)
    check_shape(array.shape, where)
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    return native[..., np.newaxis] if native.ndim == 2 else native


def as_images(stack: NDArray[Any]) -> NDArray[Any]:
    """Converts images (N, H, W) or (N, H, W, C) to (N, H, W, C) with the same values, in native byte order.

    `check_stack` must have accepted them.
    """
    native = stack.astype(stack.dtype.newbyteorder("="), copy=False)
    return native[..., np.newaxis] if native.ndim == 3 else native


def as_slice(indices: Sequence[int]) -> slice | None:
    """The slice of `indices` (at least one) if they are consecutive and ascending, else None."""
    first, count = indices[0], len(indices)
    consecutive = indices[-1] - first == count - 1 and all(map(eq, indices, range(first, first + count)))
    return slice(first, first + count) if consecutive else None
