from __future__ import annotations

import numpy as np
import pytest

from simgan.images import open_images
from simgan.matching import in_model_range, match_image, matched, photographs_to_match

RANDOM = np.random.default_rng(0)


@pytest.fixture
def photographs(tmp_path, write_pngs):
    """Two pictures: one is larger than 128 px, the other is not."""
    levels = np.arange(200, dtype=np.uint8)
    return write_pngs(tmp_path / "real", [np.tile(levels, (100, 1)), np.full((30, 20), 7, np.uint8)])


def test_photographs_are_kept_small_and_with_8_bits(photographs):
    with open_images(photographs) as real:
        large, small = photographs_to_match(real)
    assert large.shape == (64, 128, 1)  # 100 x 200, halved until the longer side is 128
    assert np.abs(large[30, :, 0].astype(float) - (np.arange(128) + 0.5) * 200 / 128).max() < 1.5
    np.testing.assert_array_equal(small, np.full((30, 20, 1), 7, np.uint8))
    assert large.dtype == small.dtype == np.uint8


def test_at_most_256_photographs_are_kept(tmp_path):
    np.save(tmp_path / "real.npy", RANDOM.integers(0, 256, (300, 4, 4)).astype(np.uint8))
    with open_images(tmp_path / "real.npy") as real:
        assert len(photographs_to_match(real)) == 256


def test_an_image_follows_from_seed_and_place_alone(tmp_path):
    images = RANDOM.integers(0, 256, (40, 9, 12)).astype(np.uint8)
    np.save(tmp_path / "x.npy", images)
    photographs = [RANDOM.integers(0, 256, (9, 12, 1)).astype(np.uint8) for _ in range(5)]
    with open_images(tmp_path / "x.npy") as x:
        seen, other = matched(x, photographs, 1), matched(x, photographs, 2)
        assert matched(x, [], 1) is x
        together = seen.read(range(40))
        np.testing.assert_array_equal(together[7], seen[7])
        np.testing.assert_array_equal(together[-1], seen[-1])
        given = x.pixel_range.to_model(x[7])
        expected = match_image(given, in_model_range(photographs), seed=1, place=7)
        np.testing.assert_array_equal(seen[7], x.pixel_range.from_model(expected, np.dtype("uint8")))
        assert (np.stack(together) != np.stack(other.read(range(40)))).any(axis=(1, 2, 3)).mean() > 0.7


def test_methods_and_photographs_are_drawn_evenly():
    """Each method but the one that leaves the image moves its mean towards that of the photograph."""
    levels = np.array([-0.5, 0.0, 0.5])
    photographs = [np.full((4, 4, 1), level, np.float32) for level in levels]
    image = np.full((4, 4, 1), 0.9, np.float32)
    made = np.array([match_image(image, photographs, seed=0, place=place).mean() for place in range(700)])
    is_left = np.abs(made - 0.9) < 1e-3
    assert is_left.mean() == pytest.approx(1 / 7, abs=0.05)
    nearest = np.abs(made[~is_left, None] - levels).argmin(axis=1)
    np.testing.assert_allclose(np.bincount(nearest, minlength=3) / 700, 2 / 7, atol=0.07)
