"""Endless batches of images for training: from a set kept on the device, or read ahead by grain's threads."""

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from simgan.console.absl_log import no_absl_warnings
from simgan.engines.protocol import Array
from simgan.errors import DataError
from simgan.images import ImageSource, PixelRange, require_one_size, resize
from simgan.images.channels import check_same_channels
from simgan.images.sampling import evenly_spaced

with no_absl_warnings():  # grain looks for JAX's profiler
    import grain

# Whole batches, read while a step computes. A step takes longer than a batch takes to read, so a few are plenty, and
# more would only fill the memory.
_READERS = grain.ReadOptions(num_threads=2, prefetch_buffer_size=4)
_ENDLESS = 2**40  # batches
_BLOCK = 1024  # images between two reports of progress while a whole set is read
_DIGESTED = 16  # images that the digest of a set is computed from
_READ_AT_ONCE = 8  # images in memory at their own size, which may be many times the size of training


def training_size(
    synthetic: ImageSource, real: ImageSource, size: tuple[int, int] | None, batch_size: int
) -> tuple[int, int]:
    """The size (H, W) that the images of both sets have in training.

    Args:
        size: the size asked for, or None for the one size of all images.
        batch_size: the least number of images that each set must have.

    Raises:
        DataError: the sets are too small, their channels differ, or no size was asked for and the images do not have
            one size.
    """
    for source in (synthetic, real):
        if len(source) < batch_size:
            raise DataError(
                f"batch_size: expected at most the {len(source)} images in {source.path}, received {batch_size}; "
                f"try --batch-size {max(2, 1 << (len(source).bit_length() - 1))} or bring more images."
            )
    check_same_channels(synthetic, real)
    if size is not None:
        return size
    synthetic_size, real_size = require_one_size(synthetic), require_one_size(real)
    if synthetic_size != real_size:
        raise DataError(
            f"size: expected one size in both sets, received {_hxw(synthetic_size)} in {synthetic.path} and "
            f"{_hxw(real_size)} in {real.path}; choose one with --size {_hxw(real_size)}, "
            "or cut crops of one size with --crop HxW."
        )
    return synthetic_size


class Draw(NamedTuple):
    """The images of one batch."""

    indices: NDArray[np.int64]  # (B,) in the set
    mirrored: NDArray[np.bool_]  # (B,) whether the image is mirrored


class Order:
    """The order in which training draws the images of a set: endless passes, each in a new random order.

    Batch i follows from `seed` and i alone.

    Args:
        count: images in the set.
        batch_size: B.
        seed: seed of the orders and of the choice of mirrored images.
        flip: whether to mirror half of the images, chosen at random.
    """

    def __init__(self, count: int, batch_size: int, *, seed: int, flip: bool = False) -> None:
        self._count, self._batch_size, self._seed, self._flip = count, batch_size, seed, flip
        # A batch lies in one pass or across two, and threads that read neighbouring batches need the same two.
        self._pass = lru_cache(maxsize=2)(lambda number: np.random.default_rng((number, seed, 1)).permutation(count))

    def draw(self, number: int) -> Draw:
        """Batch `number`, from 0."""
        positions = np.arange(number * self._batch_size, (number + 1) * self._batch_size)
        indices = np.empty(self._batch_size, np.int64)
        for pass_number in np.unique(positions // self._count):
            inside = positions // self._count == pass_number
            indices[inside] = self._pass(int(pass_number))[positions[inside] % self._count]
        mirrored = np.zeros(self._batch_size, bool)
        if self._flip:
            mirrored = np.random.default_rng((number, self._seed, 2)).random(self._batch_size) < 0.5
        return Draw(indices, mirrored)


def image_batches(
    source: ImageSource,
    order: Order,
    size: tuple[int, int],
    to_device: Callable[[NDArray[Any]], Array],
    *,
    keep: bool,
    first: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Array]:
    """Endless batches (B, H, W, C) in [-1, 1] on the device.

    Pixels of 8 and 16 bits are copied to the device as they are stored, unless the images must be resized.

    Args:
        source: the images.
        order: which images make up each batch.
        size: (H, W); images of another size are resized.
        to_device: copies an array to the device.
        keep: whether to read the whole set before the first batch and keep it on the device. Otherwise each batch is
            read by itself, a few batches ahead.
        first: number of the first batch.
        on_progress: called with (images read, images in the set) while the whole set is read.

    Raises:
        DataError: an image cannot be read. Raised by this function if `keep`, else by the iterator.
    """
    if keep:
        images = to_device(_read_all(source, size, on_progress))
        draws = (order.draw(number) for number in itertools.count(first))
        stored = ((images[to_device(draw.indices)], draw.mirrored) for draw in draws)
    else:
        ahead = _read_ahead(source, order, size, first)
        stored = ((to_device(pixels), mirrored) for pixels, mirrored in ahead)
    return (_mirror(_to_model(pixels, source.pixel_range), mirrored, to_device) for pixels, mirrored in stored)


def _read_ahead(
    source: ImageSource, order: Order, size: tuple[int, int], first: int
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    def read(number: int) -> tuple[NDArray[Any], NDArray[Any]]:
        draw = order.draw(number)
        return _read(source, draw.indices.tolist(), size), draw.mirrored

    return iter(grain.MapDataset.range(first, _ENDLESS).map(read).to_iter_dataset(_READERS))


def _read_all(source: ImageSource, size: tuple[int, int], on_progress: Callable[[int, int], None]) -> NDArray[Any]:
    """Every image of the set, in the form that `_read` returns."""
    images: NDArray[Any] = np.empty(0)
    for start in range(0, len(source), _BLOCK):
        block = _read(source, range(start, min(start + _BLOCK, len(source))), size)
        if start == 0:
            images = np.empty((len(source), *block.shape[1:]), block.dtype)
        if images.dtype != block.dtype:  # only one of the two was resized
            images, block = (_as_float(part, source.pixel_range) for part in (images, block))
        images[start : start + len(block)] = block
        on_progress(start + len(block), len(source))
    return images


def _as_float(pixels: NDArray[Any], pixel_range: PixelRange) -> NDArray[np.float32]:
    """Pixels that `_read` returned, as float32 in [-1, 1]."""
    if pixels.dtype == np.float32:
        return pixels
    return pixel_range.to_model(pixels.view(np.uint16) if pixels.dtype == np.int16 else pixels)


def _read(source: ImageSource, indices: Sequence[int], size: tuple[int, int]) -> NDArray[Any]:
    """Images (B, H, W, C): integers as they are stored if no image needs resizing, else float32 in [-1, 1].

    Pixels of 16 bits are returned as int16, in which values of 2^15 and more appear as negative numbers: PyTorch
    cannot index uint16 on a GPU.
    """
    parts = [_read_few(source, indices[at : at + _READ_AT_ONCE], size) for at in range(0, len(indices), _READ_AT_ONCE)]
    if len({part.dtype for part in parts}) > 1:  # some were resized
        parts = [_as_float(part, source.pixel_range) for part in parts]
    pixels = np.concatenate(parts)
    return pixels.view(np.int16) if pixels.dtype == np.uint16 else pixels


def _read_few(source: ImageSource, indices: Sequence[int], size: tuple[int, int]) -> NDArray[Any]:
    images = source.read(indices)
    if source.dtype.kind == "u" and all(image.shape[:2] == size for image in images):
        return np.stack(images)
    return np.stack([resize(source.pixel_range.to_model(image), size) for image in images])


def _to_model(pixels: Array, pixel_range: PixelRange) -> Array:
    """`PixelRange.to_model`, computed on the device, for pixels that `_read` returned."""
    stored = keras.backend.standardize_dtype(pixels.dtype)
    if stored == "float32":
        return pixels
    values = ops.cast(pixels, "float32")
    if stored == "int16":
        values = values + 65536.0 * ops.cast(values < 0, "float32")
    return (values - pixel_range.low) * (2 / (pixel_range.high - pixel_range.low)) - 1


def _mirror(images: Array, mirrored: NDArray[np.bool_], to_device: Callable[[NDArray[Any]], Array]) -> Array:
    """Mirrors some of (B, H, W, C) left to right."""
    if not mirrored.any():
        return images
    return ops.where(to_device(mirrored[:, np.newaxis, np.newaxis, np.newaxis]), ops.flip(images, axis=2), images)


def load_image(source: ImageSource, index: int, size: tuple[int, int]) -> NDArray[np.float32]:
    """Image `index` as (H, W, C) in [-1, 1], resized if its size is not `size` (H, W)."""
    return resize(source.pixel_range.to_model(source[index]), size)


def evenly_spaced_images(source: ImageSource, at_most: int, size: tuple[int, int]) -> NDArray[np.float32]:
    """Evenly spaced images from the first to the last, `at_most` in number: (N, H, W, C) in [-1, 1], at `size`."""
    return np.stack([load_image(source, index, size) for index in evenly_spaced(len(source), at_most)])


def digest(source: ImageSource) -> str:
    """A hash that tells one set from another: of the number of images, their type, and the pixels of some of them."""
    hashed = hashlib.sha256(f"{len(source)} {source.channels} {source.dtype}".encode())
    for index in evenly_spaced(len(source), _DIGESTED):
        hashed.update(np.ascontiguousarray(source[index]).tobytes())
    return hashed.hexdigest()[:16]


def _hxw(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
