from __future__ import annotations

import keras
import numpy as np
import pytest
import torch
from torch.nn import functional

from simgan.errors import ConfigError
from simgan.models import any_size, refiner_model
from simgan.models.losses import self_regularisation_loss

RANDOM = np.random.default_rng(0)


def images(count: int, height: int, width: int, channels: int = 1) -> np.ndarray:
    return RANDOM.uniform(-1, 1, (count, height, width, channels)).astype(np.float32)


def same_weights(model: keras.Model, like: keras.Model) -> keras.Model:
    model.set_weights(like.get_weights())
    return model


def test_defaults_have_the_parameters_of_the_reference():
    model = refiner_model()
    # 3*3*1*64+64, eight of 3*3*64*64+64, 1*1*64*1+1
    assert model.count_params() == 640 + 8 * 36_928 + 65 == 296_129
    assert model.input_shape == model.output_shape == (None, 35, 55, 1)


def test_hand_pose_variant_has_ten_blocks_of_7x7():
    # C7-64, twenty of 7*7*64*64+64, C1-1
    model = refiner_model(224, 224, kernel_size=7, blocks=10)
    assert model.count_params() == (49 * 64 + 64) + 20 * (49 * 64 * 64 + 64) + 65


def in_plain_torch(weights: list[np.ndarray], x: np.ndarray, blocks: int, output: str = "tanh") -> np.ndarray:
    """Conv-relu, blocks of relu(f + conv(relu(conv(f)))), 1x1 convolution, then tanh or the clipped sum with x."""

    def convolve(features: torch.Tensor, padding: int) -> torch.Tensor:
        kernel, bias = next(left), next(left)
        return functional.conv2d(features, kernel.permute(3, 2, 0, 1), bias, padding=padding)

    left = iter([torch.tensor(array) for array in weights])
    features = functional.relu(convolve(torch.tensor(x).permute(0, 3, 1, 2), 1))
    for _ in range(blocks):
        residual = convolve(functional.relu(convolve(features, 1)), 1)
        features = functional.relu(features + residual)
    last = convolve(features, 0).permute(0, 2, 3, 1)
    return (torch.tanh(last) if output == "tanh" else torch.clip(torch.tensor(x) + last, -1, 1)).numpy()


@pytest.mark.parametrize("channels", [1, 3])
def test_output_is_that_of_plain_torch(channels):
    model, x = refiner_model(9, 8, channels, filters=4, blocks=2), images(2, 8, 9, channels)
    np.testing.assert_allclose(model.predict_on_batch(x), in_plain_torch(model.get_weights(), x, blocks=2), atol=1e-5)


def with_random_weights(model: keras.Model) -> keras.Model:
    model.set_weights([RANDOM.normal(0, 0.3, array.shape) for array in model.get_weights()])
    return model


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("for_training", [False, True])
def test_residual_output_is_that_of_plain_torch(channels, for_training):
    settings = {"filters": 4, "blocks": 2, "output": "residual", "for_training": for_training}
    model, x = with_random_weights(refiner_model(9, 8, channels, **settings)), images(2, 8, 9, channels)
    expected = in_plain_torch(model.get_weights(), x, blocks=2, output="residual")
    assert (np.abs(expected) == 1).any(), "no value is clipped"
    np.testing.assert_allclose(model.predict_on_batch(x), expected, atol=1e-5)


@pytest.mark.parametrize("for_training", [False, True])
def test_fresh_residual_refiner_is_the_identity(for_training):
    model, x = refiner_model(9, 8, 3, output="residual", for_training=for_training), images(2, 8, 9, 3)
    x[0, 0, 0], x[0, 0, 1] = -1, 1
    np.testing.assert_allclose(model.predict_on_batch(x), x, atol=2e-7)


def test_clipped_pixels_pass_gradients_on_in_training_only():
    x = torch.full((1, 3, 3, 1), 0.75)
    for for_training, slope in ((True, 9.0), (False, 0.0)):  # the bias of the last layer changes all 9 pixels alike
        model = refiner_model(3, 3, filters=2, blocks=1, output="residual", for_training=for_training)
        bias = model.trainable_variables[-1].value
        bias.data.fill_(0.5)  # 0.75 + 0.5 is clipped to 1
        refined = model(x)
        torch.testing.assert_close(refined, torch.ones_like(refined), rtol=0, atol=0)
        assert torch.autograd.grad(refined.sum(), bias)[0].item() == slope


def test_channels_first_computation_gives_the_same_images():
    last = refiner_model(9, 8, 3, filters=4, blocks=2)
    first = same_weights(refiner_model(9, 8, 3, filters=4, blocks=2, data_format="channels_first"), last)
    x = images(2, 8, 9, 3)
    assert first.input_shape == first.output_shape == (None, 8, 9, 3)
    np.testing.assert_allclose(first.predict_on_batch(x), last.predict_on_batch(x), atol=1e-5)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_bfloat16_is_near_float32_with_float32_weights_and_output(data_format):
    exact = refiner_model(9, 8, filters=8, blocks=2)
    coarse = same_weights(
        refiner_model(9, 8, filters=8, blocks=2, data_format=data_format, dtype="mixed_bfloat16"), exact
    )
    x = images(4, 8, 9)
    output = coarse.predict_on_batch(x)
    assert output.dtype == np.float32
    assert {weight.dtype for weight in coarse.weights} == {"float32"}
    difference = np.abs(output - exact.predict_on_batch(x))
    assert 0 < difference.max() < 0.03


def test_takes_images_of_any_size_and_gives_them_back_within_1():
    model = refiner_model(None, None, filters=4, blocks=1)
    residual = with_random_weights(refiner_model(None, None, filters=4, blocks=1, output="residual"))
    for height, width in ((8, 8), (5, 13), (1, 1)):
        assert np.abs(residual.predict_on_batch(10 * images(2, height, width))).max() <= 1
        refined = model.predict_on_batch(10 * images(2, height, width))
        assert refined.shape == (2, height, width, 1)
        assert np.abs(refined).max() <= 1


@pytest.mark.parametrize("output", ["tanh", "residual"])
def test_any_size_frees_a_fixed_refiner_and_keeps_its_weights(output):
    fixed = with_random_weights(refiner_model(9, 8, 3, filters=4, blocks=1, output=output))
    free = any_size(fixed)
    x = images(2, 8, 9, 3)
    np.testing.assert_allclose(free.predict_on_batch(x), fixed.predict_on_batch(x), atol=1e-6)
    assert free.predict_on_batch(images(1, 11, 12, 3)).shape == (1, 11, 12, 3)
    assert any_size(free) is free


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"img_width": 0}, "img_width"),
        ({"img_height": -1}, "img_height"),
        ({"blocks": -1}, "blocks"),
        ({"channels": 0}, "channels"),
        ({"filters": 0}, "filters"),
        ({"kernel_size": 0}, "kernel_size"),
        ({"kernel_size": 4}, "kernel_size"),
    ],
)
def test_wrong_setting_is_one_line_that_names_it(settings, named, only_line):
    with pytest.raises(ConfigError) as caught:
        refiner_model(**{"img_width": 8, "img_height": 8} | settings)
    assert only_line(str(caught.value)).startswith(named)


def test_fit_with_the_self_regularisation_loss_learns_the_identity():
    keras.utils.set_random_seed(0)
    model, x = refiner_model(8, 8, filters=4, blocks=1), 0.5 * images(16, 8, 8)
    model.compile(keras.optimizers.Adam(0.01), loss=self_regularisation_loss)
    untrained = float(np.abs(model.predict_on_batch(x) - x).mean())
    assert model.evaluate(x, x, verbose=0) == pytest.approx(untrained, rel=1e-4)
    losses = model.fit(x, x, batch_size=4, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * untrained


def test_seed_names_the_weights():
    def weights(seed: int) -> list[np.ndarray]:
        keras.utils.set_random_seed(seed)
        return refiner_model(8, 8, filters=4, blocks=1).get_weights()

    for first, again in zip(weights(1), weights(1), strict=True):
        np.testing.assert_array_equal(first, again)
    assert np.abs(weights(1)[0] - weights(2)[0]).max() > 0.01
