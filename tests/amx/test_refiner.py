"""R on tile units against the same network in float64 that rounds to bfloat16 where they do."""

from __future__ import annotations

import keras
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from simgan import amx
from simgan.amx.library import library
from simgan.models import discriminator_model, refiner_model
from simgan.torch_engine import TorchEngine
from tests.amx.reference import RANDOM, Rounded, assert_near, images, on_amx, rounded_kernel, with_random_weights


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
    return torch.tanh(last).permute(0, 2, 3, 1), arrays


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
    [{"filters": 64, "blocks": 4}, {"filters": 96, "blocks": 1}, {"kernel_size": 5}, {"kernel_size": 7}],
    ids=str,
)
def test_other_networks(options):
    check(refiner(**options), images(2, 17, 22))


@on_amx
def test_a_first_layer_that_sees_more_than_one_product_takes():
    check(refiner(channels=4), images(2, 9, 21, 4))


@on_amx
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_share_the_work_and_not_the_result(threads):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        check(refiner(), images(4, 11, 13))
    finally:
        torch.set_num_threads(before)


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
def test_images_that_are_too_large_are_left_to_pytorch(monkeypatch):
    model, x = refiner(), images(1, 9, 12)
    monkeypatch.setattr(amx.refiner, "MOST_PIXELS", 107)
    with torch.no_grad():
        torch.testing.assert_close(amx.on_tiles(model)(x), model(x), rtol=0, atol=0)
    assert not amx.refiner_applies(32, 3, "bfloat16", (9, 12))


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
def test_the_engine_takes_it(monkeypatch):
    model, x = refiner(), images(2, 9, 12)
    network = TorchEngine(2, compiled=True).network(model)
    with torch.no_grad():
        torch.testing.assert_close(network(x), amx.on_tiles(model)(x), rtol=0, atol=0)


@pytest.mark.parametrize(
    "model",
    [
        refiner_model(None, None, 1, filters=32, dtype="float32"),
        refiner_model(None, None, 1, filters=48, dtype="mixed_bfloat16"),
        refiner_model(None, None, 1, filters=32, kernel_size=1, dtype="mixed_bfloat16"),
        discriminator_model(dtype="float32"),
        discriminator_model(1024, 513, dtype="mixed_bfloat16"),
        keras.Sequential([keras.layers.Dense(32)]),
    ],
    ids=["float32", "48 filters", "no neighbours", "D in float32", "D of large images", "neither"],
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
