"""R on tile units against the same network in float64 that rounds to bfloat16 where they do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import keras
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from simgan.engines.torch import amx
from simgan.engines.torch.amx.library import library
from simgan.engines.torch.engine import TorchEngine
from simgan.models import refiner_model
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


def refiner(channels: int = 1, **options) -> keras.Model:
    """Random weights; biases too, which Keras would begin with zeros."""
    options = {"filters": 32, "blocks": 2, "data_format": "channels_first", "dtype": "mixed_bfloat16"} | options
    model = refiner_model(None, None, channels, **options)
    return with_random_weights(model)


def expected(model: keras.Model, x: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Output, and the arrays of float64 that it depends on."""
    arrays = [variable.value.detach().double().requires_grad_() for variable in model.trainable_variables]
    kernels, biases = arrays[::2], arrays[1::2]

    def convolution(features: Tensor, layer: int) -> Tensor:
        kernel = rounded_kernel(kernels[layer])
        return functional.conv2d(features, kernel, biases[layer], padding=kernel.shape[2] // 2)

    rounded = Rounded.apply
    features = rounded(functional.relu(convolution(x.to(torch.bfloat16).double().permute(0, 3, 1, 2), 0)))
    for layer in range(1, len(kernels) - 1, 2):
        inner = rounded(functional.relu(convolution(features, layer)))
        features = rounded(functional.relu(features + convolution(inner, layer + 1)))
    last = functional.conv2d(features, kernels[-1].permute(3, 2, 0, 1), biases[-1])
    last = last.permute(0, 2, 3, 1)
    if model.get_layer("conv_out").activation is keras.activations.tanh:
        return torch.tanh(last), arrays
    refined = x + last
    return refined.detach().clip(-1, 1) + (refined - refined.detach()), arrays  # clipping passes gradients on


def check(model: keras.Model, x: Tensor) -> None:
    refine = amx.on_tiles(model)
    assert refine is not None
    values = [variable.value for variable in model.trainable_variables]
    output = refine(x)
    slope = torch.tensor(RANDOM.normal(1, 1, tuple(output.shape)), dtype=torch.float32)
    gradients = torch.autograd.grad((output * slope).mean(), values)
    wanted, arrays = expected(model, x)
    assert_near(output, wanted)
    for actual, right in zip(gradients, torch.autograd.grad((wanted * slope.double()).mean(), arrays), strict=True):
        assert_near(actual, right)
    with torch.no_grad():
        torch.testing.assert_close(refine(x), output.detach(), rtol=0, atol=0)


# Sizes: fewer pixels than a product takes, not a multiple of it, and more than a gradient goes through at once.
@on_amx
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (4, 8), (35, 55), (70, 63), (2, 300)], ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_images_and_all_gradients(size, channels):
    check(refiner(channels), images(3, *size, channels))


@on_amx
@pytest.mark.parametrize(
    "options",
    [
        {"filters": 64, "blocks": 4},
        {"filters": 96, "blocks": 1},
        {"kernel_size": 5},
        {"kernel_size": 7},
        {"output": "residual", "for_training": True},
    ],
    ids=str,
)
def test_other_networks(options):
    check(refiner(**options), images(2, 17, 22))


@on_amx
def test_a_first_layer_that_sees_more_than_one_product_takes():
    check(refiner(channels=4), images(2, 9, 21, 4))


@on_amx
@pytest.mark.parametrize("count", [1, 2, 5])
def test_threads_share_the_work_and_not_the_result(count):
    with threads(count):
        check(refiner(), images(4, 11, 13))


@on_amx
def test_memory_of_larger_images_serves_smaller_ones_and_follows_the_weights():
    model = refiner()
    refine = amx.on_tiles(model)
    for size in ((30, 40), (9, 12), (31, 44)):
        with torch.no_grad():
            refine(images(2, *size))
        for variable in model.trainable_variables:
            variable.assign(variable * 1.1)
        x = images(2, *size)
        assert_near(refine(x), expected(model, x)[0])


@on_amx
def test_images_that_do_not_fit_are_left_to_the_model(monkeypatch):
    model, x = refiner(), images(1, 9, 12)
    refine = amx.on_tiles(model)
    for other in (x.double(), x.to(torch.bfloat16)):
        with torch.no_grad():
            torch.testing.assert_close(refine(other), model(other), rtol=0, atol=0)
    with pytest.raises(ValueError, match="expected"):
        refine(images(1, 9, 12, 3))
    (of_images,) = torch.autograd.grad(refine(x.requires_grad_()).mean(), [x])
    assert of_images.abs().max() > 0
    monkeypatch.setattr("simgan.engines.torch.amx.library._MOST_PIXELS", 339)  # (9 + 8) * (12 + 8) are 340
    with torch.no_grad():
        torch.testing.assert_close(refine(x), model(x), rtol=0, atol=0)


@on_amx
def test_no_images_give_none():
    model = refiner()
    assert amx.on_tiles(model)(images(0, 9, 12)).shape == (0, 9, 12, 1)
    assert all(not gradient.any() for gradient in gradients_of(amx.on_tiles(model), model, images(0, 9, 12)))


@on_amx
def test_gradients_are_the_same_every_time():
    model, x = refiner(), images(9, 20, 30)
    refine = amx.on_tiles(model)
    first = gradients_of(refine, model, x)
    for _ in range(8):
        for one, again in zip(first, gradients_of(refine, model, x), strict=True):
            assert torch.equal(one, again)


@on_amx
def test_threads_may_change_between_images_and_gradients():
    model, x = refiner(), images(4, 9, 12)
    values = [variable.value for variable in model.trainable_variables]
    wanted = torch.autograd.grad(amx.on_tiles(model)(x).mean(), values)
    output = amx.on_tiles(model)(x)
    with threads(torch.get_num_threads() + 2):
        gradients = torch.autograd.grad(output.mean(), values)
    for actual, right in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(actual, right, rtol=1e-4, atol=1e-7)


@on_amx
def test_two_python_threads_at_once():
    model, x = refiner(), images(3, 20, 30)
    refine = amx.on_tiles(model)
    first = gradients_of(refine, model, x)
    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(lambda _: gradients_of(refine, model, x), range(10)):
            assert all(torch.equal(one, again) for one, again in zip(first, found, strict=True))


@on_amx
def test_two_batches_wait_for_their_gradients_at_once():
    model = refiner()
    refine, values = amx.on_tiles(model), [variable.value for variable in model.trainable_variables]
    first, second = images(2, 9, 12), images(2, 9, 12)
    outputs = refine(first), refine(second)
    for x, output in zip((first, second), outputs, strict=True):
        wanted, arrays = expected(model, x)
        for actual, right in zip(
            torch.autograd.grad(output.mean(), values), torch.autograd.grad(wanted.mean(), arrays), strict=True
        ):
            assert_near(actual, right)


@on_amx
def test_a_second_backward_pass_is_refused():
    model = refiner()
    values = [variable.value for variable in model.trainable_variables]
    mean = amx.on_tiles(model)(images(1, 5, 5)).mean()
    torch.autograd.grad(mean, values, retain_graph=True)
    with pytest.raises(RuntimeError, match="received another"):
        torch.autograd.grad(mean, values)


@on_amx
def test_images_that_are_not_numbers_stay_so():
    x = images(2, 6, 7)
    x[0, 2, 3] = float("nan")
    with torch.no_grad():
        output = amx.on_tiles(refiner())(x)
    assert output[0].isnan().any()
    assert not output[1].isnan().any()


@on_amx
def test_the_engine_takes_it():
    model, x = refiner(), images(2, 9, 12)
    network = TorchEngine(2, compiled=True).network(model)
    with torch.no_grad():
        torch.testing.assert_close(network(x), amx.on_tiles(model)(x), rtol=0, atol=0)


def changed(model: keras.Model, layer: str, **options) -> keras.Model:
    """The model with other settings of one layer."""

    def clone(original):
        config = original.get_config()
        return original.__class__.from_config(config | options if original.name == layer else config)

    return keras.models.clone_model(model, clone_function=clone)


BFLOAT16 = {"dtype": "mixed_bfloat16", "filters": 32, "blocks": 1}


@pytest.mark.parametrize(
    "model",
    [
        refiner_model(None, None, 1, filters=32, dtype="float32"),
        refiner_model(None, None, 1, filters=48, dtype="mixed_bfloat16"),
        refiner_model(None, None, 1, **BFLOAT16, kernel_size=1),
        refiner_model(None, None, 1, **(BFLOAT16 | {"dtype": "bfloat16"})),
        changed(refiner_model(None, None, 1, **BFLOAT16), "conv_in", activation="elu"),
        changed(refiner_model(None, None, 1, **BFLOAT16), "block1_conv2", kernel_size=(5, 5)),
        changed(refiner_model(None, None, 1, **BFLOAT16), "block1_conv2", dtype="float32"),
        keras.Sequential([keras.layers.Dense(32)]),
        keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Dense(32)]),
    ],
    ids=[
        "float32",
        "48 filters",
        "no neighbours",
        "weights of bfloat16",
        "another activation",
        "another kernel",
        "a layer in float32",
        "not built",
        "not R",
    ],
)
def test_what_does_not_fit_is_left_to_pytorch(model):
    assert amx.on_tiles(model) is None


@pytest.mark.parametrize("without", ["AMX", "a compiler"])
def test_without_amx_or_a_compiler_nothing_changes(without, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: without != "AMX", raising=False)
    library.cache_clear()
    try:
        assert amx.on_tiles(refiner()) is None
    finally:
        library.cache_clear()
