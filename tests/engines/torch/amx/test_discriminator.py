"""D on tile units against the same network in float64 that rounds to bfloat16 where they do."""

from __future__ import annotations

import keras
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from simgan.engines.torch import amx
from simgan.engines.torch.engine import TorchEngine
from simgan.models import discriminator_model
from tests.engines.torch.amx.reference import (
    RANDOM,
    Rounded,
    assert_near,
    gradients_of,
    images,
    on_amx,
    rounded_kernel,
    threads,
    with_random_weights,
)


def discriminator(height: int, width: int, channels: int = 1, **options) -> keras.Model:
    model = discriminator_model(
        width, height, channels, data_format="channels_first", dtype="mixed_bfloat16", **options
    )
    return with_random_weights(model)


def padded(features: Tensor, layer: keras.layers.Layer, kernel: int, value: float) -> Tensor:
    """As Keras pads for `same`: an odd number of rows after the image."""
    stride, total = layer.strides[0], []
    for side in features.shape[:1:-1]:  # width, then height
        whole = max(0, (-(-side // stride) - 1) * stride + kernel - side) if layer.padding == "same" else 0
        total += [whole // 2, whole - whole // 2]
    return functional.pad(features, total, value=value)


def expected(model: keras.Model, x: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Logits, and the images and arrays of float64 that they depend on."""
    images = x.double().requires_grad_()
    arrays = [variable.value.detach().double().requires_grad_() for variable in model.trainable_variables]
    features = (images + (images.to(torch.bfloat16).double() - images).detach()).permute(0, 3, 1, 2)
    place = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.MaxPooling2D):
            features = functional.max_pool2d(
                padded(features, layer, layer.pool_size[0], -1.0), layer.pool_size[0], layer.strides[0]
            )
        elif isinstance(layer, keras.layers.GlobalAveragePooling2D):
            features = features.mean((2, 3), keepdim=True)
        elif isinstance(layer, keras.layers.Conv2D):
            kernel, bias = arrays[place : place + 2]
            place += 2
            if layer.name == "logits":
                features = functional.conv2d(features, kernel.permute(3, 2, 0, 1), bias)
            else:
                before = padded(features, layer, layer.kernel_size[0], 0.0)
                sums = functional.conv2d(before, rounded_kernel(kernel), bias, stride=layer.strides[0])
                features = Rounded.apply(functional.relu(sums))
    return features.permute(0, 2, 3, 1).reshape(len(x), -1, 2), images, arrays


def check(model: keras.Model, x: Tensor) -> None:
    judge, x = amx.on_tiles(model), x.requires_grad_()
    assert judge is not None
    values = [variable.value for variable in model.trainable_variables]
    logits = judge(x)
    slope = torch.tensor(RANDOM.normal(1, 1, tuple(logits.shape)), dtype=torch.float32)
    gradients = torch.autograd.grad((logits * slope).mean(), [x, *values])
    wanted, images, arrays = expected(model, x.detach())
    assert_near(logits.detach(), wanted)
    for actual, right in zip(
        gradients, torch.autograd.grad((wanted * slope.double()).mean(), [images, *arrays]), strict=True
    ):
        assert_near(actual, right)
    with torch.no_grad():
        torch.testing.assert_close(judge(x), logits.detach(), rtol=0, atol=0)


@on_amx
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("patches", ["local", "global"])
@pytest.mark.parametrize(("size", "channels"), [((35, 55), 1), ((36, 57), 3), ((80, 90), 1)], ids=str)
def test_logits_and_all_gradients(size, channels, padding, patches):
    check(discriminator(*size, channels, padding=padding, patches=patches), images(3, *size, channels))


@on_amx
@pytest.mark.parametrize(("size", "padding"), [((41, 60), "same"), ((104, 112), "valid")], ids=str)
def test_the_one_for_hands(size, padding):
    check(discriminator(*size, variant="hand", padding=padding), images(2, *size))


@on_amx
@pytest.mark.parametrize("size", [(1, 1), (4, 3)], ids=str)
def test_images_smaller_than_what_a_patch_sees(size):
    check(discriminator(*size), images(2, *size))


@on_amx
@pytest.mark.parametrize("count", [1, 3])
def test_threads_share_the_work_and_not_the_result(count):
    with threads(count):
        check(discriminator(20, 24), images(5, 20, 24))


@on_amx
def test_frozen_it_gives_the_gradient_of_the_images_alone():
    model, x = discriminator(20, 24), images(2, 20, 24)
    judge, values = amx.on_tiles(model), [variable.value for variable in model.trainable_variables]
    (free,) = torch.autograd.grad(judge(x.requires_grad_()).square().mean(), [x])
    for value in values:
        value.requires_grad_(False)
    (frozen,) = torch.autograd.grad(judge(x).square().mean(), [x])
    torch.testing.assert_close(frozen, free, rtol=0, atol=0)


@on_amx
def test_what_is_not_a_number_is_seen_through_pooling():
    x = images(2, 20, 24)
    x[0, 7, 9] = float("nan")
    with torch.no_grad():
        logits = amx.on_tiles(discriminator(20, 24))(x)
    assert logits[0].isnan().any()
    assert not logits[1].isnan().any()


@on_amx
def test_a_second_backward_pass_is_refused():
    model = discriminator(12, 12)
    values = [variable.value for variable in model.trainable_variables]
    mean = amx.on_tiles(model)(images(1, 12, 12)).mean()
    torch.autograd.grad(mean, values, retain_graph=True)
    with pytest.raises(RuntimeError, match="received another"):
        torch.autograd.grad(mean, values)


@on_amx
def test_the_engine_takes_it():
    model, x = discriminator(12, 14), images(2, 12, 14)
    network = TorchEngine(2, compiled=True).network(model, small=True)
    with torch.no_grad():
        torch.testing.assert_close(network(x), amx.on_tiles(model)(x), rtol=0, atol=0)


@on_amx
def test_gradients_are_the_same_every_time():
    model, x = discriminator(20, 30), images(9, 20, 30)
    judge = amx.on_tiles(model)
    first = gradients_of(judge, model, x)
    for _ in range(8):
        for one, again in zip(first, gradients_of(judge, model, x), strict=True):
            assert torch.equal(one, again)


@on_amx
def test_images_that_do_not_fit_are_left_to_the_model():
    model, x = discriminator(20, 30), images(1, 20, 30)
    judge = amx.on_tiles(model)
    with torch.no_grad():
        torch.testing.assert_close(judge(x.double()), model(x.double()), rtol=0, atol=0)
    for wrong in (images(1, 20, 30, 3), images(1, 19, 30), x[0]):
        with pytest.raises(ValueError, match="expected"):
            judge(wrong)


@on_amx
def test_two_passes_wait_for_their_gradients_at_once():
    model, first, second = discriminator(20, 24), images(2, 20, 24), images(2, 20, 24)
    judge, values = amx.on_tiles(model), [variable.value for variable in model.trainable_variables]
    wanted = [gradients_of(judge, model, x) for x in (first, second)]
    outputs = [judge(x).square().mean() for x in (first, second)]
    for output, right in zip(outputs, wanted, strict=True):
        assert all(map(torch.equal, torch.autograd.grad(output, values), right))


def judge_like(*hidden: keras.layers.Layer, size: tuple[int | None, int | None] = (20, 24)) -> keras.Model:
    images = keras.Input((*size, 1))
    features = images
    for layer in (*hidden, keras.layers.Conv2D(2, 1, dtype="float32")):
        features = layer(features)
    return keras.Model(images, features, name="discriminator")


def conv(**options) -> keras.layers.Layer:
    defaults = {"filters": 32, "kernel_size": 3, "padding": "same", "activation": "relu", "dtype": "mixed_bfloat16"}
    return keras.layers.Conv2D(**(defaults | options))


@pytest.mark.parametrize(
    "model",
    [
        judge_like(conv(activation="tanh")),
        judge_like(conv(), keras.layers.Dropout(0.5)),
        judge_like(conv(use_bias=False)),
        judge_like(conv(), conv(padding="valid")),
        judge_like(conv(kernel_size=(3, 5))),
        judge_like(conv(dilation_rate=2)),
        judge_like(conv(dtype="float32")),
        judge_like(conv(filters=16)),
        judge_like(keras.layers.MaxPooling2D(2, 2, padding="same")),
        judge_like(conv(), size=(None, None)),
        judge_like(),
    ],
    ids=[
        *("activation", "dropout", "no bias", "two paddings", "kernel", "dilation", "float32", "filters"),
        *("pooling first", "any size", "nothing hidden"),
    ],
)
def test_another_network_is_left_to_pytorch(model):
    assert amx.on_tiles(model) is None


@on_amx
def test_what_is_as_known_is_taken():
    assert amx.on_tiles(judge_like(conv(), keras.layers.MaxPooling2D(2, 2, padding="same"))) is not None
