"""What tests of networks on tile units have in common: values that are rounded to bfloat16 where they round them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
import pytest
import torch
from torch import Tensor

from simgan.engines.torch.amx.library import library

RANDOM = np.random.default_rng(0)

on_amx = pytest.mark.skipif(
    keras.ops.convert_to_tensor(0.0).device.type != "cpu" or library("refiner") is None,
    reason="there is no AMX or no C++ compiler, or Keras computes on a GPU",
)


def images(count: int, height: int, width: int, channels: int = 1) -> Tensor:
    return torch.tensor(RANDOM.uniform(-1, 1, (count, height, width, channels)), dtype=torch.float32)


def with_random_weights(model: keras.Model) -> keras.Model:
    """Biases too, which Keras would begin with zeros."""
    for variable in model.variables:
        scale = np.sqrt(2 / np.prod(variable.shape[:-1])) if len(variable.shape) == 4 else 0.1
        variable.assign(RANDOM.normal(0, scale, variable.shape))
    return model


class Rounded(torch.autograd.Function):
    """Values and gradients of bfloat16."""

    @staticmethod
    def forward(ctx, values: Tensor) -> Tensor:
        return values.to(torch.bfloat16).double()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return gradient.to(torch.bfloat16).double()


def rounded_kernel(kernel: Tensor) -> Tensor:
    """(k, k, from, to) -> (to, from, k, k); its gradient is not rounded."""
    return (kernel + (kernel.to(torch.bfloat16).double() - kernel).detach()).permute(3, 2, 0, 1)


def assert_near(actual: Tensor, wanted: Tensor) -> None:
    """Apart by what a sum in float32, now and then rounded the other way, can do."""
    assert actual.shape == wanted.shape
    assert torch.linalg.vector_norm(actual.double() - wanted) <= 1e-2 * torch.linalg.vector_norm(wanted) + 1e-9


def gradients_of(network, model: keras.Model, x: Tensor) -> list[Tensor]:
    values = [variable.value for variable in model.trainable_variables]
    return list(torch.autograd.grad(network(x).square().mean(), values))


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
