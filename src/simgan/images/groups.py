"""Reading the images of a data set ahead, in groups of one size and in bounded memory."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simgan.images.sampling import evenly_spaced
from simgan.images.source import ImageSource
from simgan.images.threads import ahead

AT_ONCE = 64  # largest number of images in a group: enough to keep any device busy
_GROUP_BYTES = 2**22  # most bytes of stored pixels in a group; a larger image is a group of its own
# Largest number and bytes of images, of all sizes together, that wait until their group is full.
_WAITING = 4 * AT_ONCE
_WAITING_BYTES = 4 * _GROUP_BYTES
# Images are read in blocks: large enough that a call costs little, small enough that several fit into any memory.
_BLOCK_BYTES = 2**20
_SAMPLED = 32  # images of the data set whose sizes are read first
_SAMPLED_IN_BLOCK = 9  # images of each block whose sizes are read before the block

Size = tuple[int, int]
Block = tuple[range, list[NDArray[Any]]]


class Group(NamedTuple):
    """Images of one size, as they are stored."""

    indices: list[int]
    images: NDArray[Any]
    """(N, H, W, C)"""


def images_in_group(image_bytes: int) -> int:
    """The number of images in a full group, if each image has `image_bytes` bytes."""
    return max(1, min(AT_ONCE, _GROUP_BYTES // image_bytes))


def sampled_sizes(source: ImageSource) -> list[Size]:
    """(H, W) of a few evenly spaced images. Rare sizes of the data set may be missing."""
    return [source.size(index) for index in evenly_spaced(len(source), _SAMPLED)]


def groups_of_one_size(source: ImageSource) -> Generator[Group]:
    """Yields every image of `source` once; images of one size come in order. Close the generator to end its thread.

    A group has at most AT_ONCE images and _GROUP_BYTES of pixels, or is one larger image. Memory holds at most
    _WAITING images or _WAITING_BYTES that wait for others of their size, and three blocks that are read ahead, each of
    at most _BLOCK_BYTES or one larger image.

    Raises:
        DataError: an image cannot be read, or differs from the data set in type or channels.
    """
    waiting: dict[tuple[int, ...], list[tuple[int, NDArray[Any]]]] = {}
    with closing(_blocks(source)) as blocks:
        for indices, images in blocks:
            for index, image in zip(indices, images, strict=True):
                waiting.setdefault(image.shape, []).append((index, image))
                if len(waiting[image.shape]) == images_in_group(image.nbytes):
                    yield _group(waiting.pop(image.shape))
                elif _too_many(waiting):
                    yield _group(waiting.pop(max(waiting, key=lambda shape: _nbytes(waiting[shape]))))
    for images_of_a_size in waiting.values():
        yield _group(images_of_a_size)


def _too_many(waiting: dict[tuple[int, ...], list[tuple[int, NDArray[Any]]]]) -> bool:
    count = sum(map(len, waiting.values()))
    return count >= _WAITING or sum(map(_nbytes, waiting.values())) > _WAITING_BYTES


def _nbytes(images: list[tuple[int, NDArray[Any]]]) -> int:
    return len(images) * images[0][1].nbytes


def _group(images: list[tuple[int, NDArray[Any]]]) -> Group:
    return Group([index for index, _ in images], np.stack([image for _, image in images]))


def _blocks(source: ImageSource) -> Generator[Block]:
    """All images in order, in blocks that a thread reads ahead."""
    return ahead(lambda part: (part, source.read(part)), _parts(source))


def _parts(source: ImageSource) -> Iterator[range]:
    """The indices of each block.

    Images may have any size, and asking for the size of every image would take as long as reading small images. So the
    number of images in a block follows from the largest image in a sample of the data set and of the block.
    """
    typical = max(_image_bytes(source, size) for size in sampled_sizes(source))
    start = 0
    while start < len(source):
        count = min(_fitting(typical), len(source) - start)
        sizes = (source.size(start + place) for place in evenly_spaced(count, _SAMPLED_IN_BLOCK))
        count = min(count, _fitting(max(_image_bytes(source, size) for size in sizes)))
        yield range(start, start + count)
        start += count


def _image_bytes(source: ImageSource, size: Size) -> int:
    return size[0] * size[1] * source.channels * source.dtype.itemsize


def _fitting(image_bytes: int) -> int:
    """The number of images in a block, if each image has `image_bytes` bytes."""
    return max(1, min(_WAITING, _BLOCK_BYTES // image_bytes))
