from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
import torch

from simgan.errors import DataError
from simgan.images import PixelRange, open_images
from simgan.training.batches import Order, evenly_spaced_images, image_batches, load_image, training_size


@pytest.fixture
def source_of(tmp_path):
    """Opens an array as a data set."""
    opened = []

    def open_array(array: np.ndarray, name: str = "images", **options):
        np.save(tmp_path / f"{name}.npy", array)
        opened.append(open_images(tmp_path / f"{name}.npy", **options))
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


@pytest.fixture(params=[True, False], ids=["kept", "read ahead"])
def batches_of(request):
    """Batches of a data set, by each of the two ways."""

    def batches(source, *, batch_size: int, size=(4, 5), seed: int = 0, flip: bool = False, **options):
        order = Order(len(source), batch_size, seed=seed, flip=flip)
        return image_batches(source, order, size, torch.from_numpy, keep=request.param, **options)

    return batches


# --- The order --------------------------------------------------------------------------------------------------


def drawn(order: Order, batches: range) -> list[list[int]]:
    return [order.draw(number).indices.tolist() for number in batches]


@pytest.mark.parametrize(("count", "batch_size"), [(10, 4), (7, 7), (5, 2), (9, 8)])
def test_every_image_comes_once_in_a_pass_and_each_pass_has_a_new_order(count, batch_size):
    batches = drawn(Order(count, batch_size, seed=0), range(6 * count))
    assert {len(batch) for batch in batches} == {batch_size}
    images = list(itertools.chain.from_iterable(batches))
    passes = [images[start : start + count] for start in range(0, len(images), count)]
    assert len(passes) == 6 * batch_size
    assert all(sorted(one) == list(range(count)) for one in passes)
    assert len({tuple(one) for one in passes[:6]}) == 6


def test_each_batch_follows_from_the_seed_and_its_number_alone():
    def in_order(numbers, order):
        draws = {number: order.draw(number) for number in numbers}
        return [(draws[number].indices.tolist(), draws[number].mirrored.tolist()) for number in range(20)]

    forwards = in_order(range(20), Order(13, 4, seed=5, flip=True))
    assert in_order(reversed(range(20)), Order(13, 4, seed=5, flip=True)) == forwards
    assert in_order(range(20), Order(13, 4, seed=6, flip=True)) != forwards
    assert Order(13, 4, seed=5, flip=True).draw(2**30).indices.max() < 13  # far ones are as quick


def test_half_of_the_images_are_mirrored_at_random_or_none():
    order = Order(100, 50, seed=0, flip=True)
    mirrored = np.concatenate([order.draw(number).mirrored for number in range(8)])
    assert 160 < mirrored.sum() < 240  # 200 expected, standard deviation 10
    assert 60 < (mirrored[200:] != mirrored[:200]).sum() < 140  # other ones in each pass
    plain = Order(100, 50, seed=0)
    assert not any(plain.draw(number).mirrored.any() for number in range(8))
    assert drawn(order, range(8)) == drawn(plain, range(8))


# --- Batches ----------------------------------------------------------------------------------------------------


def test_batches_are_float32_images_in_minus_1_to_1_on_the_device(source_of, batches_of):
    images = numbered(6)
    images[0], images[1] = 0, 255
    batch = next(batches_of(source_of(images), batch_size=6))
    assert isinstance(batch, torch.Tensor)
    assert batch.shape == (6, 4, 5, 1)
    assert batch.dtype == torch.float32
    assert (batch.min(), batch.max()) == (-1, 1)


def test_batches_hold_the_images_of_their_order(source_of, batches_of):
    batches = batches_of(source_of(numbered(10)), batch_size=4, seed=3)
    expected = itertools.chain.from_iterable(drawn(Order(10, 4, seed=3), range(15)))
    assert numbers(batches, 60) == list(expected)


def random_images(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    random = np.random.default_rng(7)
    if dtype.startswith("float"):
        return random.uniform(0, 1, shape).astype(dtype)
    return random.integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32", "float64"])
def test_pixels_are_exactly_those_of_the_pixel_range(dtype, channels, source_of, batches_of):
    stored = random_images(dtype, (9, 4, 5, channels))
    source = source_of(stored)
    order, batches = Order(9, 4, seed=2), batches_of(source, batch_size=4, seed=2)
    for number in range(5):
        expected = source.pixel_range.to_model(stored[order.draw(number).indices])
        np.testing.assert_array_equal(next(batches).numpy(), expected)


def test_pixels_of_12_bits_are_exactly_those_of_their_range(source_of, batches_of):
    stored = np.random.default_rng(0).integers(100, 4096, (6, 4, 5)).astype(np.uint16)
    limits = PixelRange(100, 4095)
    batch = next(batches_of(source_of(stored, pixel_range=limits), batch_size=6))
    expected = limits.to_model(stored[Order(6, 6, seed=0).draw(0).indices])
    np.testing.assert_array_equal(batch[..., 0].numpy(), expected)


def test_mirrored_images_are_mirrored_left_to_right(source_of, batches_of):
    stored = random_images("uint8", (10, 4, 5))
    order, batches = Order(10, 5, seed=4, flip=True), batches_of(source_of(stored), batch_size=5, seed=4, flip=True)
    seen = set()
    for number in range(6):
        draw, batch = order.draw(number), next(batches)
        seen |= set(draw.mirrored.tolist())
        for index, mirrored, image in zip(draw.indices, draw.mirrored, batch, strict=True):
            expected = stored[index][:, ::-1] if mirrored else stored[index]
            np.testing.assert_allclose(image[..., 0], expected / 127.5 - 1, atol=1e-6)
    assert seen == {True, False}


def test_images_of_another_size_are_resized(source_of, batches_of):
    batch = next(batches_of(source_of(numbered(6)), batch_size=6, size=(7, 3)))
    assert batch.shape == (6, 7, 3, 1)
    assert sorted(numbers([batch], 6)) == list(range(6))
    assert np.ptp(batch.numpy(), axis=(1, 2, 3)).max() < 1e-6  # still of one shade each


@pytest.mark.parametrize("first", ["right size", "other size"])
def test_set_of_mixed_sizes_gives_the_same_images_kept_and_read_ahead(
    first, tmp_path, write_pngs, batches_of, monkeypatch
):
    monkeypatch.setattr("simgan.training.batches._BLOCK", 2)  # blocks that need resizing, and blocks that do not
    right, other = random_images("uint8", (4, 4, 5)), random_images("uint8", (3, 8, 7))
    images = [*right, *other, *right[::-1]] if first == "right size" else [*other, *right, *other]
    with open_images(write_pngs(tmp_path / "mixed", images)) as source:
        batches = batches_of(source, batch_size=3, seed=1)
        order = Order(len(images), 3, seed=1)
        for number in range(8):
            expected = [load_image(source, int(index), (4, 5)) for index in order.draw(number).indices]
            np.testing.assert_array_equal(next(batches).numpy(), expected)


def test_kept_set_is_read_once_and_tells_how_far_it_is(source_of, monkeypatch):
    monkeypatch.setattr("simgan.training.batches._BLOCK", 4)
    source, read, progress = source_of(numbered(10)), [], []
    own = source.read
    monkeypatch.setattr(source, "read", lambda indices: read.extend(indices) or own(indices))
    batches = image_batches(
        source,
        Order(10, 4, seed=0),
        (4, 5),
        torch.from_numpy,
        keep=True,
        on_progress=lambda *done: progress.append(done),
    )
    assert progress == [(4, 10), (8, 10), (10, 10)]
    numbers(batches, 40)
    assert sorted(read) == list(range(10))


def test_no_more_than_a_few_batches_are_read_ahead(source_of, monkeypatch):
    source, read = source_of(numbered(100)), []
    own = source.read
    monkeypatch.setattr(source, "read", lambda indices: read.extend(indices) or own(indices))
    next(image_batches(source, Order(100, 10, seed=0), (4, 5), torch.from_numpy, keep=False))
    time.sleep(0.5)
    assert 10 <= len(read) <= 100


def test_image_that_goes_bad_is_named_when_it_is_read(source_of, batches_of, tmp_path, only_line):
    source = source_of(np.zeros((8, 4, 5), np.float32))
    np.load(tmp_path / "images.npy", mmap_mode="r+")[5, 2, 2] = np.nan
    with pytest.raises(DataError) as caught:
        list(itertools.islice(batches_of(source, batch_size=4), 2))
    message = only_line(str(caught.value))
    assert "image '5'" in message
    assert "NaN" in message


# --- Sizes ------------------------------------------------------------------------------------------------------


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
        assert training_size(mixed, mixed, (4, 5), 2) == (4, 5)


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
    ("held", "at_most", "expected"),
    [(9, 3, [0, 4, 8]), (6, 4, [0, 2, 3, 5]), (5, 5, [0, 1, 2, 3, 4]), (2, 4, [0, 1]), (1, 2, [0])],
)
def test_evenly_spaced_images_go_from_first_to_last(held, at_most, expected, source_of):
    """Of 6 images the second of 4 is at 5/3, which is nearer to 2."""
    images = evenly_spaced_images(source_of(numbered(held)), at_most, (4, 5))
    assert images.shape == (len(expected), 4, 5, 1)
    assert numbers([images], len(expected)) == expected


def test_photographs_are_read_few_at_a_time_before_they_are_made_small(source_of, monkeypatch):
    source, asked = source_of(numbered(40)), []
    own = source.read
    monkeypatch.setattr(source, "read", lambda indices: asked.append(len(indices)) or own(indices))
    batch = next(image_batches(source, Order(40, 20, seed=0), (2, 3), torch.from_numpy, keep=True))
    assert batch.shape == (20, 2, 3, 1)
    assert max(asked) == 8
