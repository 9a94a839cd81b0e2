from __future__ import annotations

import threading
from contextlib import closing

import numpy as np
import pytest

from simgan.images import ImageSource, PixelRange, groups
from simgan.images.groups import groups_of_one_size, images_in_group, sampled_sizes


class Sized(ImageSource):
    """uint8 images of one channel and of the given sizes; every value of image n is n % 256. Notes what is read."""

    def __init__(self, tmp_path, sizes):
        super().__init__(tmp_path, "made up", [str(index) for index in range(len(sizes))])
        self.sizes, self.blocks, self.asked = sizes, [], 0
        self.dtype, self.channels, self.pixel_range = np.dtype("uint8"), 1, PixelRange(0, 255)

    def stored(self, index):
        return np.full((*self.sizes[index], 1), index % 256, np.uint8)

    def stored_many(self, indices):
        self.blocks.append([self.sizes[index] for index in indices])
        return [self.stored(index) for index in indices]

    def size(self, index):
        self.asked += 1
        return self.sizes[index]

    def close(self):
        pass


def taken(source):
    with closing(groups_of_one_size(source)) as found:
        return list(found)


def check_all_there(source, found):
    """Every image once, in the group of its size, in order within the size."""
    assert sorted(index for group in found for index in group.indices) == list(range(len(source)))
    in_size: dict[tuple[int, int], list[int]] = {}
    for indices, images in found:
        for index, image in zip(indices, images, strict=True):
            np.testing.assert_array_equal(image, source.stored(index))
        in_size.setdefault(images.shape[1:3], []).extend(indices)
    assert all(indices == sorted(indices) for indices in in_size.values())


def test_small_images_go_64_at_a_time(tmp_path):
    source = Sized(tmp_path, [(4, 5)] * 150)
    found = taken(source)
    assert [len(group.indices) for group in found] == [64, 64, 22]
    check_all_there(source, found)


@pytest.mark.parametrize(
    ("image_bytes", "expected"),
    [(1, 64), (2**16, 64), (2**16 + 1, 63), (2**21, 2), (2**21 + 1, 1), (2**22, 1), (2**22 + 1, 1), (2**30, 1)],
)
def test_a_group_has_4_mib_or_is_one_image(image_bytes, expected):
    assert images_in_group(image_bytes) == expected


def test_a_large_image_is_a_group_and_a_block_of_its_own(tmp_path):
    source = Sized(tmp_path, [(2048, 2049)] * 3)
    found = taken(source)
    assert [group.indices for group in found] == [[0], [1], [2]]
    assert [len(block) for block in source.blocks] == [1, 1, 1]
    check_all_there(source, found)


@pytest.mark.parametrize("large_at", [range(200, 232), range(290, 300), range(10)], ids=["amid", "last", "first"])
def test_blocks_are_small_where_images_are_large(large_at, tmp_path):
    """Images of 2**19 bytes among images of 20: two fit a block of 2**20."""
    sizes = [(2**9, 2**10) if index in large_at else (4, 5) for index in range(300)]
    source = Sized(tmp_path, sizes)
    check_all_there(source, taken(source))
    assert max(sum(h * w for h, w in block) for block in source.blocks) <= 2**20


def test_blocks_look_at_a_few_of_their_images_where_the_sample_missed_a_size(tmp_path, monkeypatch):
    """A folder of large images amid small ones: of 40 in a row, one of each 32 of a block is looked at."""
    monkeypatch.setattr(groups, "_SAMPLED", 2)  # the first and the last
    sizes = [(2**9, 2**10) if 500 <= index < 540 else (4, 5) for index in range(1000)]
    source = Sized(tmp_path, sizes)
    check_all_there(source, taken(source))
    large = [sum(size != (4, 5) for size in block) for block in source.blocks]
    assert (sum(large), max(large)) == (40, 2)


def test_sizes_of_few_images_are_looked_at(tmp_path):
    source = Sized(tmp_path, [(4, 5)] * 1000)
    taken(source)
    assert source.asked == 32 + 4 * 9  # a sample, and a few in each of the blocks of 256, 256, 256 and 232


def test_a_bounded_number_of_images_waits(tmp_path):
    """Of 260 sizes none fills a group: at the 256th image that waits, the largest group goes."""
    sizes = [(1, 2), (1, 2), *((2, width) for width in range(1, 261))]
    found = taken(Sized(tmp_path, sizes))
    assert found[0].indices == [255 + 2 - 2]  # 2 x 254 pixels: the most bytes so far
    check_all_there(Sized(tmp_path, sizes), found)


def test_a_bounded_number_of_bytes_waits(tmp_path, monkeypatch):
    monkeypatch.setattr(groups, "_GROUP_BYTES", 1000)
    monkeypatch.setattr(groups, "_WAITING_BYTES", 1500)
    sizes = [(10, 40), (10, 41), (10, 42), (10, 43), (10, 40)]
    found = taken(Sized(tmp_path, sizes))
    # 400 + 410 + 420 wait; 430 more are beyond 1500, and the largest goes; then the second of 10 x 40 fills a group.
    assert [group.indices for group in found] == [[3], [0, 4], [1], [2]]


def test_the_sample_of_sizes_has_the_first_and_the_last(tmp_path):
    sizes = [(1, 1 + index) for index in range(100)]
    found = sampled_sizes(Sized(tmp_path, sizes))
    assert (found[0], found[-1], len(found)) == ((1, 1), (1, 100), 32)


def test_closing_leaves_no_thread(tmp_path):
    before = threading.active_count()
    with closing(groups_of_one_size(Sized(tmp_path, [(4, 5)] * 1000))) as found:
        next(found)
    assert threading.active_count() == before
