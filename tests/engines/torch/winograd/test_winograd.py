"""Winograd's convolutions against direct ones in float64."""

from __future__ import annotations

import logging

import keras
import numpy as np
import pytest
import torch
from torch.nn import functional

from simgan.engines.torch import winograd
from simgan.models import refiner_model

pytestmark = pytest.mark.skipif(winograd._library() is None, reason="there is no C++ compiler")
RANDOM = np.random.default_rng(0)


def arrays(count: int, height: int, width: int, channels: int, filters: int) -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.tensor(RANDOM.normal(size=(count, channels, height, width)), dtype=torch.float32)
    kernel = torch.tensor(RANDOM.normal(size=(3, 3, channels, filters)), dtype=torch.float32)
    return images.contiguous(memory_format=torch.channels_last).requires_grad_(), kernel.requires_grad_()


def assert_near(actual: torch.Tensor, expected: torch.Tensor) -> None:
    assert actual.shape == expected.shape
    assert (actual.double() - expected).abs().max() < 1e-4 * expected.abs().max()


# Sides: a multiple of 4, one more, one less, smaller than a tile; channels: vectors of each processor, in and out.
@pytest.mark.parametrize("size", [(8, 8), (5, 9), (7, 3), (1, 1), (35, 55), (2, 130)], ids=str)
@pytest.mark.parametrize(("channels", "filters"), [(16, 16), (32, 64), (64, 48)])
def test_output_and_both_gradients_are_those_of_a_direct_convolution(size, channels, filters):
    images, kernel = arrays(3, *size, channels, filters)
    output = winograd._convolve(images, kernel)
    weights = torch.tensor(RANDOM.normal(size=tuple(output.shape)), dtype=torch.float32)
    of_images, of_kernel = torch.autograd.grad((output * weights).sum(), [images, kernel])

    x, k = images.detach().double().requires_grad_(), kernel.detach().double().requires_grad_()
    expected = functional.conv2d(x, k.permute(3, 2, 0, 1), padding=1)
    assert_near(output, expected)
    for actual, direct in zip(
        (of_images, of_kernel), torch.autograd.grad((expected * weights.double()).sum(), [x, k]), strict=True
    ):
        assert_near(actual, direct)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_share_the_work_and_not_the_result(threads):
    images, kernel = arrays(2, 9, 10, 16, 16)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        output = winograd._convolve(images, kernel)
        (gradient,) = torch.autograd.grad(output.square().sum(), [kernel])
    finally:
        torch.set_num_threads(before)
    k = kernel.detach().double().requires_grad_()
    direct = functional.conv2d(images.detach().double(), k.permute(3, 2, 0, 1), padding=1)
    assert_near(gradient, torch.autograd.grad(direct.square().sum(), [k])[0])


def test_memory_layout_of_the_input_does_not_matter():
    images, kernel = arrays(2, 6, 7, 16, 16)
    torch.testing.assert_close(
        winograd._convolve(images.detach().contiguous(), kernel), winograd._convolve(images, kernel)
    )


def test_torch_agrees_that_the_operators_are_sound():
    """Shapes without values, gradients, and nothing changed in place."""
    torch.library.opcheck(torch.ops.simgan.winograd.default, arrays(1, 5, 6, 16, 16))
    images, gradient = (array.detach() for array in (arrays(1, 5, 6, 16, 16)[0], arrays(1, 5, 6, 32, 16)[0]))
    torch.library.opcheck(torch.ops.simgan.winograd_kernel_gradient.default, (images, gradient))


def refiners(**options) -> list[keras.Model]:
    """Two with the same weights, the second sped up."""
    models = [refiner_model(None, None, blocks=1, **{"data_format": "channels_first"} | options) for _ in range(2)]
    models[1].set_weights(models[0].get_weights())
    winograd.speed_up(models[1])
    return models


def replaced(model: keras.Model) -> list[str]:
    return [layer.name for layer in model.layers if getattr(layer, "convolution_op", None) is winograd._convolve]


def test_refiner_gives_the_same_images_and_its_inner_layers_are_the_ones_replaced():
    plain, fast = refiners(filters=32)
    assert replaced(plain) == []
    assert replaced(fast) == ["block1_conv1", "block1_conv2"]
    x = RANDOM.uniform(-1, 1, (3, 11, 13, 1)).astype(np.float32)
    np.testing.assert_allclose(fast.predict_on_batch(x), plain.predict_on_batch(x), atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"filters": 24},
        {"filters": 16, "kernel_size": 5},
        {"filters": 16, "dtype": "mixed_bfloat16"},
        {"filters": 16, "data_format": "channels_last"},
    ],
    ids=str,
)
def test_layers_that_do_not_fit_are_left_alone(options):
    _, model = refiners(**options)
    assert replaced(model) == []


def test_without_a_compiler_nothing_changes(monkeypatch, caplog):
    monkeypatch.setenv("CXX", "no-such-compiler")
    winograd._library.cache_clear()
    try:
        with caplog.at_level(logging.DEBUG):
            _, model = refiners(filters=16)
        assert replaced(model) == []
        assert "no-such-compiler" in caplog.text
    finally:
        winograd._library.cache_clear()


@pytest.mark.parametrize(
    ("images", "kernel"),
    [
        (torch.zeros(1, 16, 4, 4, dtype=torch.float64), torch.zeros(3, 3, 16, 16)),
        (torch.zeros(1, 16, 4, 4), torch.zeros(3, 3, 16, 16, dtype=torch.float64)),
        (torch.zeros(1, 32, 4, 4), torch.zeros(3, 3, 16, 16)),
        (torch.zeros(1, 17, 4, 4), torch.zeros(3, 3, 17, 16)),
        (torch.zeros(1, 16, 4, 4), torch.zeros(3, 3, 16, 9)),
    ],
    ids=["images of float64", "kernel of float64", "other channels", "odd channels", "odd filters"],
)
def test_what_the_kernels_cannot_compute_never_reaches_them(images, kernel):
    with pytest.raises(RuntimeError, match="winograd: expected"):
        winograd._convolve(images, kernel)


def test_default_dtype_of_torch_does_not_matter():
    images, kernel = (array.detach() for array in arrays(1, 5, 6, 16, 16))
    expected = winograd._convolve(images, kernel)
    torch.set_default_dtype(torch.float64)
    try:
        torch.testing.assert_close(winograd._convolve(images, kernel), expected, rtol=0, atol=0)
        gradient = torch.ops.simgan.winograd_kernel_gradient(images, images)
    finally:
        torch.set_default_dtype(torch.float32)
    assert gradient.dtype == torch.float32
