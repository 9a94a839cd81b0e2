"""A compiled network as a differentiable function of PyTorch: the one place where R and D are run on tile units."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from simgan.engines.torch.amx.library import (
    Memory,
    all_at,
    at,
    gradients_like,
    loaded,
    long,
    number,
    pointer,
    threads_for,
)


@dataclass
class Network:
    """R or D as its compiled functions know it, and the memory that it computes in."""

    functions: ctypes.CDLL
    described: Any
    """What every function takes first: the shape of R, or the handle of a D."""
    logits_shape: Callable[[Tensor], tuple[int, ...]]
    """The shape of the logits for a batch of images."""
    workspace: Memory = field(default_factory=Memory)
    activations: Memory = field(default_factory=Memory)


def functions_of(name: str, described: Any) -> ctypes.CDLL:
    """The functions of `<name>.cpp` that both networks have; `described` is the type of their first argument."""
    found = loaded(name)
    found.kept_size.argtypes, found.kept_size.restype = [described], long
    found.memory_size.argtypes, found.memory_size.restype = [described, number, number], long
    found.gradient_places.argtypes = [described, pointer]
    found.run.argtypes = [described, *[pointer] * 4, number, long, pointer]
    found.run_back.argtypes = [described, *[pointer] * 4, number, long, *[pointer] * 3]
    return found


def logits_of(network: Network, images: Tensor, values: list[Tensor]) -> Tensor:
    """The logits of a batch (N, H, W, C), with gradients for the weights `values` and, of D, for the images."""
    keep = torch.is_grad_enabled()
    return _OnTiles.apply(network, keep, images, *values)  # type: ignore[no-untyped-call,no-any-return]


class _OnTiles(torch.autograd.Function):
    """Logits of a network. What its gradients need is kept for one backward pass."""

    @staticmethod
    def forward(ctx: Any, network: Network, keep: bool, images: Tensor, *values: Tensor) -> Tensor:
        functions, described, threads = network.functions, network.described, threads_for(images)
        images, values = images.contiguous(), tuple(value.contiguous() for value in values)
        workspace = network.workspace.take(functions.memory_size(described, threads, False))
        kept = network.activations.take(len(images) * functions.kept_size(described)) if keep else None
        logits = torch.empty(network.logits_shape(images))
        functions.run(described, at(images), all_at(values), at(kept), at(workspace), threads, len(images), at(logits))
        network.workspace.give_back(workspace)
        ctx.network, ctx.kept = network, kept
        ctx.save_for_backward(images, *values)
        return logits

    @staticmethod
    def backward(ctx: Any, slopes: Tensor) -> Any:
        network, kept = ctx.network, ctx.kept
        if kept is None:
            raise RuntimeError("network: expected one backward pass, received another; its activations are gone")
        functions, described, threads = network.functions, network.described, threads_for(slopes)
        images, *values = ctx.saved_tensors
        ctx.kept, slopes = None, slopes.contiguous()
        of_images, of_values = ctx.needs_input_grad[2], any(ctx.needs_input_grad[3:])
        places = (long * (len(values) + 1))()
        functions.gradient_places(described, places)
        sums = torch.zeros(threads, places[len(values)]) if of_values else None
        image_slopes = torch.empty_like(images) if of_images else None
        workspace = network.workspace.take(functions.memory_size(described, threads, True))
        functions.run_back(
            described,
            *(at(images), all_at(values), at(kept), at(workspace), threads, len(images)),
            *(at(slopes), at(sums), at(image_slopes)),
        )
        network.workspace.give_back(workspace)
        network.activations.give_back(kept)
        gradients = [None] * len(values) if sums is None else gradients_like(values, places[: len(values)], sums)
        return None, None, image_slopes, *gradients
