"""Endless batches of images for training, read ahead by grain's threads."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.images import ImageSource, common_size, resize
from simgan.quiet import no_absl_warnings

with no_absl_warnings():  # grain looks for JAX's profiler
    import grain

# Whole batches, read while a step computes. A step takes longer than a batch takes to read, so a few are plenty, and
# more would only fill the memory.
_READERS = grain.ReadOptions(num_threads=2, prefetch_buffer_size=4)


def training_size(
    synthetic: ImageSource, real: ImageSource, size: tuple[int, int] | None, batch_size: int
) -> tuple[int, int]:
    """(H, W) that both sets are trained at.

    Args:
        size: the size asked for, or None for the one size of all images.
        batch_size: images that each set must have at the least.

    Raises:
        DataError: the sets are too small, their channels differ, or no size was asked for and the images do not have
            one size.
    """
    for source in (synthetic, real):
        if len(source) < batch_size:
            raise DataError(
                f"batch_size: expected at most the {len(source)} images in {source.path}, received {batch_size}; "
                f"try --preset eyes, --batch-size {max(2, 1 << (len(source).bit_length() - 1))} or bring more images."
            )
    if synthetic.channels != real.channels:
        raise DataError(
            f"channels: expected the same in both sets, received {synthetic.channels} in {synthetic.path} and "
            f"{real.channels} in {real.path}; convert one of them."
        )
    if size is not None:
        return size
    synthetic_size, real_size = common_size(synthetic), common_size(real)
    if synthetic_size != real_size:
        raise DataError(
            f"size: expected one size in both sets, received {_hxw(synthetic_size)} in {synthetic.path} and "
            f"{_hxw(real_size)} in {real.path}; choose one with --size {_hxw(real_size)}."
        )
    return synthetic_size


def image_batches(
    source: ImageSource, *, batch_size: int, size: tuple[int, int], seed: int, flip: bool = False
) -> Iterator[NDArray[np.float32]]:
    """Yields batches (batch_size, H, W, C) in [-1, 1] for ever, each pass in a new order that follows from `seed`.

    Images of another size are resized. With `flip` half of them, at random, are mirrored left to right. The order is
    the same on every machine.

    Raises:
        DataError: from the iterator, an image cannot be read.
    """
    indices = grain.MapDataset.range(len(source)).seed(seed).shuffle().repeat()
    images = indices.map(lambda index: load_image(source, index, size))
    if flip:
        images = images.random_map(lambda image, random: image[:, ::-1] if random.random() < 0.5 else image)
    return iter(images.batch(batch_size).to_iter_dataset(_READERS))


def load_image(source: ImageSource, index: int, size: tuple[int, int]) -> NDArray[np.float32]:
    """Image `index` as (H, W, C) in [-1, 1], resized to `size` (H, W) if it has another."""
    return resize(source.pixel_range.to_model(source[index]), size)


def evenly_spaced_images(source: ImageSource, count: int, size: tuple[int, int]) -> NDArray[np.float32]:
    """`count` images from first to last, (count, H, W, C) in [-1, 1], at `size` (H, W)."""
    return np.stack([load_image(source, int(index), size) for index in np.linspace(0, len(source) - 1, count)])


def _hxw(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
