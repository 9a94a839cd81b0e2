from __future__ import annotations

import keras
import numpy as np
import pytest
import torch
from torch.nn import functional

from simgan.errors import ConfigError
from simgan.models import discriminator_model
from simgan.models.discriminator import smallest_side
from simgan.models.losses import local_adversarial_loss

RANDOM = np.random.default_rng(0)
# (stride, kind) of each layer of the paper's gaze and hand-pose discriminators, then the logits
GAZE = [(2, "conv"), (2, "conv"), (1, "pool"), (1, "conv"), (1, "conv")]
HAND = [(4, "conv"), (2, "conv"), (2, "pool"), (2, "conv"), (1, "conv")]


def images(count: int, height: int, width: int, channels: int = 1) -> np.ndarray:
    return RANDOM.uniform(-1, 1, (count, height, width, channels)).astype(np.float32)


def test_defaults_have_the_parameters_of_the_reference():
    model = discriminator_model()
    # C3-96, C3-64, C3-32, C1-32, C1-2 on one channel
    assert model.count_params() == 960 + 55_360 + 18_464 + 1_056 + 66 == 75_906
    assert model.input_shape == (None, 35, 55, 1)


def test_hand_pose_variant_has_7x7_and_5x5_convolutions():
    model = discriminator_model(224, 224, variant="hand")
    assert model.count_params() == (49 * 96 + 96) + (25 * 96 * 64 + 64) + 18_464 + 1_056 + 66


@pytest.mark.parametrize(
    ("width", "height", "variant", "padding", "patches"),
    [
        (55, 35, "gaze", "same", 9 * 14),  # 35x55, 18x28, 9x14, 9x14, 9x14
        (55, 35, "gaze", "valid", 4 * 9),  # 35x55, 17x27, 8x13, 6x11, 4x9
        (224, 224, "hand", "same", 7 * 7),  # 224, 56, 28, 14, 7
        (224, 224, "hand", "valid", 5 * 5),  # 224, 55, 26, 12, 5
        (8, 8, "gaze", "same", 2 * 2),
        (23, 23, "gaze", "valid", 1),  # 23, 11, 5, 3, 1
    ],
)
def test_output_is_two_logits_for_each_patch(width, height, variant, padding, patches):
    model = discriminator_model(width, height, variant=variant, padding=padding)
    assert model.output_shape == (None, patches, 2)
    assert model.predict_on_batch(images(2, height, width)).shape == (2, patches, 2)


def pad_same(features: torch.Tensor, size: int, stride: int, value: float) -> torch.Tensor:
    """Pads so that ceil(side / stride) windows fit, the odd pixel to the right and below."""
    amounts = []
    for side in (features.shape[3], features.shape[2]):
        total = max((-(-side // stride) - 1) * stride + size - side, 0)
        amounts += [total // 2, total - total // 2]
    return functional.pad(features, amounts, value=value)


def in_plain_torch(weights: list[np.ndarray], x: np.ndarray, layers, padding: str) -> np.ndarray:
    features, left = torch.tensor(x).permute(0, 3, 1, 2), iter([torch.tensor(array) for array in weights])
    for stride, kind in layers:
        if kind == "pool":
            padded = pad_same(features, 3, stride, -torch.inf) if padding == "same" else features
            features = functional.max_pool2d(padded, 3, stride)
        else:
            kernel, bias = next(left).permute(3, 2, 0, 1), next(left)
            padded = pad_same(features, kernel.shape[-1], stride, 0.0) if padding == "same" else features
            features = functional.relu(functional.conv2d(padded, kernel, bias, stride))
    kernel, bias = next(left).permute(3, 2, 0, 1), next(left)
    return functional.conv2d(features, kernel, bias).permute(0, 2, 3, 1).reshape(len(x), -1, 2).numpy()


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(
    ("variant", "layers", "padding", "width", "height"),
    [
        ("gaze", GAZE, "same", 12, 9),
        ("gaze", GAZE, "valid", 28, 23),
        ("hand", HAND, "same", 33, 20),
        ("hand", HAND, "valid", 100, 96),
    ],
)
def test_output_is_that_of_plain_torch(variant, layers, padding, width, height, data_format):
    model = discriminator_model(width, height, 3, variant=variant, padding=padding, data_format=data_format)
    x = images(2, height, width, 3)
    expected = in_plain_torch(model.get_weights(), x, layers, padding)
    logits = model.predict_on_batch(x)
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(logits, expected, atol=1e-5)


def test_logits_have_no_activation():
    keras.utils.set_random_seed(0)
    model = discriminator_model(9, 8)
    *others, bias = model.get_weights()
    x = images(4, 8, 9)
    plain = model.predict_on_batch(x)
    model.set_weights([*others, bias + np.array([-50, 70], np.float32)])
    np.testing.assert_allclose(model.predict_on_batch(x), plain + np.array([-50, 70]), atol=1e-4)


def test_bfloat16_is_near_float32_with_float32_weights_and_logits():
    exact = discriminator_model(12, 9)
    coarse = discriminator_model(12, 9, data_format="channels_first", dtype="mixed_bfloat16")
    coarse.set_weights(exact.get_weights())
    x = images(4, 9, 12)
    logits = coarse.predict_on_batch(x)
    assert logits.dtype == np.float32
    assert {weight.dtype for weight in coarse.weights} == {"float32"}
    difference = np.abs(logits - exact.predict_on_batch(x)).max()
    assert 0 < difference < 0.03


@pytest.mark.parametrize(("width", "height"), [(23, 22), (22, 23)])
def test_image_too_small_for_a_patch_is_one_line_with_a_way_out(width, height, only_line):
    with pytest.raises(ConfigError) as caught:
        discriminator_model(width, height, padding="valid")
    message = only_line(str(caught.value))
    assert f"{height}x{width}" in message
    assert "'same'" in message


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"channels": 0}, "channels"),
        ({"img_width": 0}, "0"),
        ({"variant": "ear"}, "'ear'"),
        ({"padding": "no"}, "'no'"),
    ],
)
def test_wrong_setting_is_one_line_that_names_it(settings, named, only_line):
    with pytest.raises(ConfigError) as caught:
        discriminator_model(**settings)
    assert named in only_line(str(caught.value))


def test_train_on_batch_with_the_local_adversarial_loss_learns():
    keras.utils.set_random_seed(0)
    model = discriminator_model(8, 8)
    model.compile(keras.optimizers.Adam(0.01), loss=local_adversarial_loss)
    x = np.concatenate([np.full((4, 8, 8, 1), -0.5), np.full((4, 8, 8, 1), 0.5)]).astype(np.float32)
    labels = np.zeros((8, 4, 2), np.float32)
    labels[:4, :, 0] = labels[4:, :, 1] = 1
    losses = [float(model.train_on_batch(x, labels)) for _ in range(40)]
    assert losses[-1] < 0.1 < 0.5 < losses[0]


def test_global_d_judges_an_image_once_by_the_mean_of_its_maps():
    local, whole = discriminator_model(55, 35, 1), discriminator_model(55, 35, 1, patches="global")
    whole.set_weights(local.get_weights())
    images = np.random.default_rng(0).uniform(-1, 1, (3, 35, 55, 1)).astype(np.float32)
    judged = whole.predict_on_batch(images)
    assert judged.shape == (3, 1, 2)
    # The last layer is linear: its mean over patches is that of the mean.
    np.testing.assert_allclose(judged[:, 0], local.predict_on_batch(images).mean(axis=1), atol=1e-5)


def test_other_patches_are_refused(only_line):
    with pytest.raises(ConfigError) as caught:
        discriminator_model(55, 35, 1, patches="some")
    assert "patches" in only_line(str(caught.value))


@pytest.mark.parametrize(
    ("variant", "padding", "side"),
    [("gaze", "valid", 23), ("hand", "valid", 71), ("gaze", "same", 1), ("hand", "same", 1)],
)
def test_the_smallest_side_is_that_of_one_patch(variant, padding, side):
    """Gaze: 1, 3, 5, 11, 23 px from the last layer back; hand: 1, 3, 7, 17, 71."""
    assert smallest_side(variant, padding) == side
    assert discriminator_model(side, side, variant=variant, padding=padding).output_shape == (None, 1, 2)
    with pytest.raises(ConfigError):
        discriminator_model(side, side - 1, variant=variant, padding=padding)
