"""The images of a data set in groups of one size, read ahead, in bounded memory."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simgan.images.sampling import evenly_spaced
from simgan.images.source import ImageSource
from simgan.images.threads import ahead

AT_ONCE = 64  # images in a group at most: enough to keep any device busy
_GROUP_BYTES = 2**22  # pixels in a group at most, as stored; a larger image is a group of its own
# Images of all sizes that may wait until their group is full.
_WAITING = 4 * AT_ONCE
_WAITING_BYTES = 4 * _GROUP_BYTES
# Images are read in blocks: large enough that a call costs little, small enough that a few fit anywhere.
_BLOCK_BYTES = 2**20
_SAMPLED = 32  # images whose sizes are looked at beforehand
_LOOKED_AT = 9  # the same, in each block

Size = tuple[int, int]
Block = tuple[range, list[NDArray[Any]]]


class Group(NamedTuple):
    """Images of one size, as they are stored."""

    indices: list[int]
    images: NDArray[Any]
    """(N, H, W, C)"""


def images_in_group(image_bytes: int) -> int:
    """How many images of so many bytes each make a full group."""
    return max(1, min(AT_ONCE, _GROUP_BYTES // image_bytes))


def sampled_sizes(source: ImageSource) -> list[Size]:
    """(H, W) of a few images, evenly spaced: all sizes that a set has, unless some are rare."""
    return [source.size(index) for index in evenly_spaced(len(source), _SAMPLED)]


def groups_of_one_size(source: ImageSource) -> Generator[Group]:
    """Every image of `source` once, in order within a size. Close the generator, so that no thread is left.

    A group has at most AT_ONCE images and _GROUP_BYTES of pixels, or is one image. In memory at once are at most
    _WAITING images or _WAITING_BYTES that wait for others of their size, and three blocks that are read ahead, each of
    _BLOCK_BYTES or one image.

    Raises:
        DataError: an image cannot be read, or does not fit the others.
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

    Images may have any size, and to ask for that of each would take as long as to read small ones. A block is made for
    the largest of the sampled images and of a few of its own.
    """
    typical = max(_image_bytes(source, size) for size in sampled_sizes(source))
    start = 0
    while start < len(source):
        count = min(_fitting(typical), len(source) - start)
        looked_at = (source.size(start + place) for place in evenly_spaced(count, _LOOKED_AT))
        count = min(count, _fitting(max(_image_bytes(source, size) for size in looked_at)))
        yield range(start, start + count)
        start += count


def _image_bytes(source: ImageSource, size: Size) -> int:
    return size[0] * size[1] * source.channels * source.dtype.itemsize


def _fitting(image_bytes: int) -> int:
    """Images in a block."""
    return max(1, min(_WAITING, _BLOCK_BYTES // image_bytes))
