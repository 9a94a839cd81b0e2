"""A compiled network as a differentiable function of PyTorch: the one place where R and D are run on tile units."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from simgan.engines.torch.amx.library import (
    Memory,
    address,
    addresses,
    gradients_like,
    loaded,
    long,
    number,
    pointer,
    threads_for,
)


@dataclass
class Network:
    """R or D for its compiled functions, and the memory that they compute in."""

    functions: ctypes.CDLL
    first_argument: Any
    """The first argument of every function: the shape of R, or the pointer to a D."""
    logits_shape: Callable[[Tensor], tuple[int, ...]]
    """The shape of the logits for a batch of images."""
    workspace: Memory = field(default_factory=Memory)
    activations: Memory = field(default_factory=Memory)


def functions_of(name: str, first_type: Any) -> ctypes.CDLL:
    """The functions of `<name>.cpp` that both networks have; `first_type` is the type of their first argument."""
    found = loaded(name)
    found.kept_size.argtypes, found.kept_size.restype = [first_type], long
    found.memory_size.argtypes, found.memory_size.restype = [first_type, number, number], long
    found.gradient_places.argtypes = [first_type, pointer]
    found.run.argtypes = [first_type, *[pointer] * 4, number, long, pointer]
    found.run_back.argtypes = [first_type, *[pointer] * 4, number, long, *[pointer] * 3]
    return found


def logits_of(network: Network, images: Tensor, values: list[Tensor]) -> Tensor:
    """The logits of a batch (N, H, W, C), with gradients for the weights `values` and, in D, for the images."""
    keep = torch.is_grad_enabled()
    return _OnTiles.apply(network, keep, images, *values)  # type: ignore[no-untyped-call,no-any-return]


class _OnTiles(torch.autograd.Function):
    """Logits of a network. The activations that gradients need are kept for one backward pass."""

    @staticmethod
    def forward(ctx: Any, network: Network, keep: bool, images: Tensor, *values: Tensor) -> Tensor:
        functions, first, threads = network.functions, network.first_argument, threads_for(images)
        images, values = images.contiguous(), tuple(value.contiguous() for value in values)
        workspace = network.workspace.take(functions.memory_size(first, threads, False))
        kept = network.activations.take(len(images) * functions.kept_size(first)) if keep else None
        logits = torch.empty(network.logits_shape(images))
        functions.run(
            first,
            address(images),
            addresses(values),
            address(kept),
            address(workspace),
            threads,
            len(images),
            address(logits),
        )
        network.workspace.give_back(workspace)
        ctx.network, ctx.kept = network, kept
        ctx.save_for_backward(images, *values)
        return logits

    @staticmethod
    def backward(ctx: Any, logit_gradients: Tensor) -> Any:
        network, kept = ctx.network, ctx.kept
        if kept is None:
            raise RuntimeError("network: expected one backward pass, received another; its activations are gone")
        functions, first, threads = network.functions, network.first_argument, threads_for(logit_gradients)
        images, *values = ctx.saved_tensors
        ctx.kept, logit_gradients = None, logit_gradients.contiguous()
        for_images, for_values = ctx.needs_input_grad[2], any(ctx.needs_input_grad[3:])
        places = (long * (len(values) + 1))()
        functions.gradient_places(first, places)
        sums = torch.zeros(threads, places[len(values)]) if for_values else None
        image_gradients = torch.empty_like(images) if for_images else None
        workspace = network.workspace.take(functions.memory_size(first, threads, True))
        functions.run_back(
            first,
            *(address(images), addresses(values), address(kept), address(workspace), threads, len(images)),
            *(address(logit_gradients), address(sums), address(image_gradients)),
        )
        network.workspace.give_back(workspace)
        network.activations.give_back(kept)
        gradients = [None] * len(values) if sums is None else gradients_like(values, places[: len(values)], sums)
        return None, None, image_gradients, *gradients
