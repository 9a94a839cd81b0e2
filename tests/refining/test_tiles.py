from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simgan.models import refiner_model
from simgan.refining import tiles
from simgan.refining.predictor import predictor
from simgan.refining.tiles import in_tiles, reach

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(("blocks", "kernel", "expected"), [(4, 3, 9), (1, 7, 9), (2, 1, 0)])
def test_reach_is_the_sum_over_the_convolutions(blocks, kernel, expected):
    """1 + 2 blocks convolutions of kernel // 2 px each; the last one is 1x1."""
    assert reach(refiner_model(None, None, 1, filters=2, blocks=blocks, kernel_size=kernel)) == expected


@pytest.mark.parametrize("blocks", [1, 3])
def test_no_pixel_beyond_the_reach_changes_the_output(blocks):
    model = refiner_model(None, None, 1, filters=3, blocks=blocks)
    image = RANDOM.uniform(-1, 1, (1, 41, 41, 1)).astype(np.float32)
    other = image.copy()
    other[0, 20, 20] += 1
    changed = np.argwhere(model.predict_on_batch(image)[0, ..., 0] != model.predict_on_batch(other)[0, ..., 0])
    assert np.abs(changed - 20).max() == reach(model)


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.Conv2D(1, 3, strides=2, padding="same"),
        keras.layers.Conv2D(1, 3, padding="valid"),
        keras.layers.MaxPooling2D(3, 1, padding="same"),
        keras.layers.DepthwiseConv2D(3, padding="same"),
        keras.layers.GroupNormalization(1),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_other_layers_have_no_known_reach(layer):
    images = keras.Input((None, None, 1))
    assert reach(keras.Model(images, layer(images))) is None


@given(st.integers(1, 70), st.integers(1, 70), st.integers(5, 40), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_tiles_equal_whole_images_at_any_size(height, width, side, seed):
    """R sums what lies up to 4 px away, with zeros beyond the border, so the order of rounding does not matter."""
    random = np.random.default_rng(seed)
    images = random.integers(-8, 9, (2, height, width, 1)).astype(np.float32)

    def box(tile):
        padded = np.pad(tile, [(0, 0), (4, 4), (4, 4), (0, 0)])
        windows = np.lib.stride_tricks.sliding_window_view(padded, (9, 9), axis=(1, 2))
        return windows.sum(axis=(-1, -2)).astype(np.float32)

    own, tiles.LARGEST_SIDE = tiles.LARGEST_SIDE, side
    try:
        np.testing.assert_array_equal(in_tiles(box, 4, images), box(images))
    finally:
        tiles.LARGEST_SIDE = own


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_run_refines_in_tiles_what_it_refines_whole(dtype, finished_run, monkeypatch):
    image = RANDOM.uniform(-1, 1, (1, 130, 97, 1)).astype(np.float32)
    predict = predictor(finished_run, np.dtype(dtype), image.shape, one_size=True)
    whole = predict(image)
    monkeypatch.setattr(tiles, "LARGEST_SIDE", 33)
    np.testing.assert_allclose(predict(image), whole, atol=1e-5 if dtype == "float32" else 2e-2)


def test_no_call_gets_more_than_a_tile_and_its_surroundings(monkeypatch):
    monkeypatch.setattr(tiles, "LARGEST_SIDE", 50)
    seen = []
    in_tiles(lambda tile: seen.append(tile.shape[1:3]) or tile, 3, np.zeros((1, 149, 120, 1), np.float32))
    assert len(seen) == 9
    assert max(max(shape) for shape in seen) <= 56


def test_without_a_known_reach_images_stay_whole():
    seen = []
    in_tiles(lambda tile: seen.append(tile.shape) or tile, None, np.zeros((1, 900, 900, 1), np.float32))
    assert seen == [(1, 900, 900, 1)]
