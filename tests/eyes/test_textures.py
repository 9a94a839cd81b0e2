"""Noise tiles and iris textures."""

import numpy as np

from simgan.eyes.textures import TILE_MARGIN, cut, iris_atlas, noise_tile, texture_side


def test_a_noise_tile_has_mean_0_and_variance_1() -> None:
    tile = noise_tile(35, 55, 1.0)
    assert tile.shape == (35 + TILE_MARGIN, 55 + TILE_MARGIN)
    assert tile.dtype == np.float32
    assert abs(tile.mean()) < 1e-3
    assert abs(tile.std() - 1.0) < 1e-3


def test_more_falloff_is_smoother_and_stretch_is_smoother_across() -> None:
    def roughness(tile: np.ndarray, axis: int) -> float:
        return float(np.abs(np.diff(tile, axis=axis)).mean())

    assert roughness(noise_tile(35, 55, 2.0), 0) < 0.5 * roughness(noise_tile(35, 55, 1.0), 0)
    wrinkles = noise_tile(35, 55, 1.0, 3.0)
    assert roughness(wrinkles, 1) < roughness(wrinkles, 0)


def test_cut_takes_windows_at_their_places() -> None:
    tile = noise_tile(10, 20, 1.0)
    windows = cut(tile, 10, 20, np.array([[0.0, 0.0], [0.5, 0.25]], np.float32))
    np.testing.assert_array_equal(windows[0], tile[:10, :20])
    np.testing.assert_array_equal(windows[1], tile[96:106, 48:68])


def test_irises_differ_and_have_unit_contrast() -> None:
    atlas = iris_atlas(32)
    assert atlas.shape == (16, 32, 32)
    assert np.abs(atlas[0] - atlas[1]).max() > 0.5
    assert 0.5 < atlas.std() < 2.0


def test_texture_side_is_a_power_of_two_that_covers_the_span() -> None:
    assert texture_side(1.0, 13.0) == 32  # 1.5 texels a px over 13 px make 19.5
    assert texture_side(0.1, 13.0) == 16
    assert texture_side(1000.0, 13.0) == 512
