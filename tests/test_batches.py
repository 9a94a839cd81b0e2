from __future__ import annotations

import itertools
import time

import numpy as np
import pytest

from simgan.batches import evenly_spaced_images, image_batches, load_image, training_size
from simgan.errors import DataError
from simgan.images import open_images


@pytest.fixture
def source_of(tmp_path):
    """Opens an array as a data set."""
    opened = []

    def open_array(array: np.ndarray, name: str = "images"):
        np.save(tmp_path / f"{name}.npy", array)
        opened.append(open_images(tmp_path / f"{name}.npy"))
        return opened[-1]

    yield open_array
    for source in opened:
        source.close()


def numbered(count: int) -> np.ndarray:
    """Grey 4x5 images that show their number."""
    return np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None], (count, 4, 5)).copy()


def numbers(batches, count: int) -> list[int]:
    """Of the first `count` images."""
    images = itertools.chain.from_iterable(batches)
    return [round((float(image[0, 0, 0]) + 1) * 127.5) for image in itertools.islice(images, count)]


def test_batches_are_float32_images_in_minus_1_to_1(source_of):
    images = numbered(6)
    images[0], images[1] = 0, 255
    batch = next(image_batches(source_of(images), batch_size=6, size=(4, 5), seed=0))
    assert batch.shape == (6, 4, 5, 1)
    assert batch.dtype == np.float32
    assert (batch.min(), batch.max()) == (-1, 1)


def test_every_image_comes_once_in_a_pass_and_each_pass_has_a_new_order(source_of):
    order = numbers(image_batches(source_of(numbered(10)), batch_size=4, size=(4, 5), seed=0), 60)
    passes = [order[start : start + 10] for start in range(0, 60, 10)]
    assert [sorted(images) for images in passes] == 6 * [list(range(10))]
    assert len({tuple(images) for images in passes}) == 6


def test_order_follows_from_the_seed(source_of):
    source = source_of(numbered(30))

    def order(seed: int) -> list[int]:
        return numbers(image_batches(source, batch_size=4, size=(4, 5), seed=seed), 60)

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_flip_mirrors_half_of_the_images_at_random_and_follows_from_the_seed(source_of):
    pixels = numbered(10)
    pixels[:, :, 0] = 200  # on the left
    source = source_of(pixels)

    def flipped(seed: int) -> list[bool]:
        batches = image_batches(source, batch_size=5, size=(4, 5), seed=seed, flip=True)
        images = list(itertools.islice(itertools.chain.from_iterable(batches), 200))
        numbers_inside = [round((float(image[0, 2, 0]) + 1) * 127.5) for image in images]
        assert sorted(numbers_inside[:10]) == list(range(10))
        bright = [(image[:, 0] > 0.5).all() for image in images]
        assert all((image[:, -1] > 0.5).all() != left for image, left in zip(images, bright, strict=True))
        return [not left for left in bright]

    first = flipped(0)
    assert 60 < sum(first) < 140
    assert flipped(0) == first
    assert flipped(1) != first


def test_images_of_another_size_are_resized(source_of):
    batch = next(image_batches(source_of(numbered(6)), batch_size=6, size=(7, 3), seed=0))
    assert batch.shape == (6, 7, 3, 1)
    assert sorted(numbers([batch], 6)) == list(range(6))
    assert np.ptp(batch, axis=(1, 2, 3)).max() < 1e-6  # still of one shade each


@pytest.mark.parametrize(("count", "asked", "suggested"), [(10, 16, 8), (10, 11, 8), (16, 17, 16), (3, 4, 2)])
def test_too_few_images_is_one_line_with_a_batch_size_that_fits(count, asked, suggested, source_of, only_line):
    few, plenty = source_of(numbered(count), "few"), source_of(numbered(20), "plenty")
    for sources in ((few, plenty), (plenty, few)):
        with pytest.raises(DataError) as caught:
            training_size(*sources, (4, 5), asked)
        message = only_line(str(caught.value))
        assert f"the {count} images" in message
        assert f"--batch-size {suggested} " in message
    assert training_size(few, plenty, (4, 5), count) == (4, 5)


def test_no_more_than_a_few_batches_are_read_ahead(source_of):
    source, read = source_of(numbered(100)), []
    stored = source.stored

    def counted(index):
        read.append(index)
        return stored(index)

    source.stored = counted
    next(image_batches(source, batch_size=10, size=(4, 5), seed=0))
    time.sleep(0.5)
    assert 10 <= len(read) <= 100


def test_image_that_goes_bad_is_named_when_it_is_read(source_of, tmp_path, only_line):
    source = source_of(np.zeros((8, 4, 5), np.float32))
    np.load(tmp_path / "images.npy", mmap_mode="r+")[5, 2, 2] = np.nan
    with pytest.raises(DataError) as caught:
        list(itertools.islice(image_batches(source, batch_size=4, size=(4, 5), seed=0), 2))
    message = only_line(str(caught.value))
    assert "image '5'" in message
    assert "NaN" in message


def test_size_is_the_one_of_all_images_unless_it_is_chosen(source_of):
    synthetic, real = source_of(numbered(3), "synthetic"), source_of(numbered(4), "real")
    assert training_size(synthetic, real, None, 2) == (4, 5)
    assert training_size(synthetic, real, (7, 9), 2) == (7, 9)


def test_sets_of_different_sizes_is_one_line_that_names_both(source_of, only_line):
    synthetic, real = source_of(np.zeros((3, 4, 5), np.uint8), "synthetic"), source_of(np.zeros((3, 6, 7)), "real")
    with pytest.raises(DataError) as caught:
        training_size(synthetic, real, None, 2)
    message = only_line(str(caught.value))
    assert [part for part in ("4x5", "6x7", "synthetic.npy", "real.npy", "--size") if part not in message] == []
    assert training_size(synthetic, real, (4, 5), 2) == (4, 5)


def test_mixed_sizes_in_one_set_is_one_line_with_a_way_out(source_of, tmp_path, write_pngs, only_line):
    folder = write_pngs(tmp_path / "mixed", [np.zeros((4, 5), np.uint8), np.zeros((6, 7), np.uint8)])
    with open_images(folder) as mixed:
        with pytest.raises(DataError) as caught:
            training_size(mixed, source_of(numbered(3)), None, 2)
        assert "--size" in only_line(str(caught.value))
        batch = next(image_batches(mixed, batch_size=2, size=training_size(mixed, mixed, (4, 5), 2), seed=0))
    assert batch.shape == (2, 4, 5, 1)


@pytest.mark.parametrize("size", [None, (4, 5)])
def test_different_channels_is_one_line_that_names_both(size, source_of, only_line):
    grey, colour = source_of(numbered(3), "grey"), source_of(np.zeros((3, 4, 5, 3), np.uint8), "colour")
    with pytest.raises(DataError) as caught:
        training_size(grey, colour, size, 2)
    message = only_line(str(caught.value))
    assert [part for part in ("1 in", "3 in", "grey.npy", "colour.npy", "convert") if part not in message] == []


def test_image_is_loaded_in_the_range_of_its_set(source_of):
    image = load_image(source_of(np.array([[[0, 255], [51, 102]]], np.uint8)), 0, (2, 2))
    np.testing.assert_allclose(image[..., 0], [[-1, 1], [-0.6, -0.2]], atol=1e-6)


@pytest.mark.parametrize(
    ("held", "count", "expected"),
    [(9, 3, [0, 4, 8]), (5, 5, [0, 1, 2, 3, 4]), (2, 4, [0, 0, 0, 1]), (1, 2, [0, 0])],
)
def test_evenly_spaced_images_go_from_first_to_last(held, count, expected, source_of):
    images = evenly_spaced_images(source_of(numbered(held)), count, (4, 5))
    assert images.shape == (count, 4, 5, 1)
    assert numbers([images], count) == expected
