"""The pixel mapping, against figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from simgan.errors import DataError
from simgan.images.pixels import PixelRange, any_finite, check_values, infer_range


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_integer_value_comes_back(dtype):
    values = np.arange(np.iinfo(dtype).max + 1).astype(dtype)
    pixels = PixelRange.of(dtype)
    model = pixels.to_model(values)
    assert model.dtype == np.float32
    assert (model[0], model[-1]) == (-1, 1)
    assert np.all(np.diff(model) > 0)
    np.testing.assert_array_equal(pixels.from_model(model, dtype), values)


def test_to_model_by_hand():
    image = np.array([[[0], [51], [255]]], np.uint8)
    np.testing.assert_allclose(PixelRange.of("uint8").to_model(image), [[[-1], [-0.6], [1]]], atol=1e-7)


def test_twelve_bits_in_sixteen():
    pixels = PixelRange(0, 4095)
    image = np.array([0, 4095, 1365], np.uint16)
    np.testing.assert_allclose(pixels.to_model(image), [-1, 1, -1 / 3], atol=1e-6)
    np.testing.assert_array_equal(pixels.from_model(np.array([-1, 1, -1 / 3]), np.uint16), image)


def test_from_model_clips_and_rounds_to_the_nearest():
    # (m + 1) / 2 * 255: -0.2 gives 102.0, 0.001 gives 127.6275, -0.001 gives 127.3725.
    model = np.array([-7, -0.2, 0.001, -0.001, 7], np.float32)
    np.testing.assert_array_equal(PixelRange.of("uint8").from_model(model, np.uint8), [0, 102, 128, 127, 255])


def test_to_model_leaves_its_input_alone():
    image = np.array([0.0, 1.0], np.float32)
    PixelRange(0, 1).to_model(image)
    np.testing.assert_array_equal(image, [0, 1])


@given(
    hnp.arrays(np.float32, hnp.array_shapes(max_dims=4, max_side=4), elements=st.floats(-1, 1, width=32)),
    st.sampled_from([(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)]),
    st.sampled_from([np.float32, np.float64]),
)
def test_floats_come_back_within_the_range(model, ends, dtype):
    pixels = PixelRange(*ends)
    stored = pixels.from_model(model, dtype)
    assert stored.dtype == dtype
    assert stored.shape == model.shape
    assert pixels.holds(stored.min(), stored.max(), dtype)
    np.testing.assert_allclose(pixels.to_model(stored), model, atol=1e-6)


@given(st.integers(0, 60_000), st.integers(1, 5_535), st.data())
def test_integers_of_any_range_come_back(low, width, data):
    pixels = PixelRange(low, low + width)
    values = data.draw(hnp.arrays(np.uint16, 10, elements=st.integers(low, low + width)))
    np.testing.assert_array_equal(pixels.from_model(pixels.to_model(values), np.uint16), values)


@pytest.mark.parametrize("ends", [(1, 0), (1, 1), (np.nan, 1), (0, np.inf)])
def test_a_range_must_be_finite_and_rising(ends, message):
    with pytest.raises(DataError) as caught:
        PixelRange(*ends)
    assert "--range LOW HIGH" in message(caught.value)


def test_of_refuses_types_without_one_convention(message):
    with pytest.raises(DataError) as caught:
        PixelRange.of(np.float32)
    assert "float32" in message(caught.value)


@pytest.mark.parametrize("pixels", [PixelRange(-1, 1), PixelRange(0, 256), PixelRange(0, 0.5)])
def test_an_integer_type_must_hold_the_range(pixels, message):
    with pytest.raises(DataError) as caught:
        pixels.from_model(np.zeros(1), np.uint8)
    assert "0..255" in message(caught.value)


def test_nan_from_the_model_is_an_error(message):
    with pytest.raises(DataError) as caught:
        PixelRange(0, 1).from_model(np.array([np.nan]), np.float32)
    assert "NaN" in message(caught.value)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, (0, 1)),
        (0.2, 0.3, (0, 1)),
        (-0.001, 1, (-1, 1)),
        (-1, 1, (-1, 1)),
        (0, 25.5, (0, 255)),
        (0, 255, (0, 255)),
    ],
)
def test_infer_range(low, high, expected):
    inferred = infer_range([np.array([low]), np.array([high])], "set")
    assert (inferred.low, inferred.high) == expected


@pytest.mark.parametrize(("low", "high"), [(-1.5, 1), (0, 255.5), (-0.5, 255)])
def test_infer_range_gives_up(low, high, message):
    with pytest.raises(DataError) as caught:
        infer_range([np.array([low, high])], "set.npy")
    assert "set.npy" in message(caught.value)
    assert "--range LOW HIGH" in str(caught.value)


# Highlights of a render, and depths in metres: nearly black in [0, 255].
@pytest.mark.parametrize(
    ("low", "high", "advice"),
    [
        (0.15, np.float32(1.3), "--range 0 1.3 "),
        (0.76, 4.358, "--range 0 4.4 "),
        (0, 1.001, "--range 0 1.1 "),
        (0, 25.4, "--range 0 26 "),
    ],
)
def test_values_that_would_be_nearly_black_are_refused_with_a_range_to_type(low, high, advice, message):
    with pytest.raises(DataError) as caught:
        infer_range([np.array([low, high], np.float32)], "set.npy")
    assert advice in message(caught.value)
    assert "--synthetic-range" in str(caught.value)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_check_values_counts_what_is_not_finite(bad, message):
    with pytest.raises(DataError) as caught:
        check_values(np.array([0, bad, bad, 1], np.float32), PixelRange(0, 1), "image 'x'")
    assert "image 'x'" in message(caught.value)
    assert "2 NaN or infinite of 4" in str(caught.value)


def test_check_values_out_of_range(message):
    with pytest.raises(DataError) as caught:
        check_values(np.array([0, 4096], np.uint16), PixelRange(0, 4095), "image 'x'")
    assert "[0, 4095]" in message(caught.value)
    assert "0 to 4096" in str(caught.value)


def test_an_end_of_the_range_is_compared_as_stored():
    end = np.array([0.1], np.float32)
    assert float(end[0]) > 0.1
    check_values(end, PixelRange(0, 0.1), "image")


def test_any_finite_holds_the_extremes_and_not_infinity():
    pixels = any_finite(np.dtype(np.float64))
    assert pixels.holds(-np.finfo(np.float64).max, np.finfo(np.float64).max, np.float64)
    assert not pixels.holds(0, np.inf, np.float64)
