"""R on tile units: see refiner.cpp."""

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import keras
import torch
from torch import Tensor

from simgan.amx.library import (
    LANES,
    Memory,
    all_at,
    at,
    fits,
    gradients_like,
    library,
    loaded,
    long,
    number,
    pointer,
    threads_for,
)
from simgan.amx.structure import convolution, on_cpu, structure


class _Shape(ctypes.Structure):
    """As in refiner.cpp."""

    _fields_ = [(name, ctypes.c_int) for name in ("height", "width", "channels", "filters", "blocks", "kernel")]


def refiner_on_tiles(model: keras.Model) -> Callable[[Tensor], Tensor] | None:
    """`model` as a function of a batch, or None. Images that do not fit are left to the model itself."""
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    if len(layers) < 2:
        return None
    first, last, blocks = layers[0], layers[-1], len(layers) // 2 - 1
    filters, kernel, channels = first.filters, first.kernel_size[0], last.filters
    block = [convolution(filters, kernel, "relu"), convolution(filters, kernel, "linear"), ("Add",), ("ReLU",)]
    last_layer = convolution(channels, 1, "tanh", padding="valid", dtype="float32")
    variables = [variable for layer in layers for variable in (layer.kernel, layer.bias)]
    if structure(model) != [convolution(filters, kernel, "relu"), *block * blocks, last_layer]:
        return None
    if not on_cpu(variables) or not refiner_applies(filters, kernel, "bfloat16"):
        return None
    memory = Memory(), Memory()

    def refined(images: Tensor) -> Tensor:
        if images.shape[3:] != (channels,) or not fits(images) or images.requires_grad:
            return model(images)  # type: ignore[no-any-return]
        shape = _Shape(*images.shape[1:], filters, blocks, kernel)
        values = [variable.value for variable in variables]
        logits: Tensor = _Refiner.apply(shape, memory, torch.is_grad_enabled(), images, *values)  # type: ignore[no-untyped-call]
        return torch.tanh(logits)

    return refined


def refiner_applies(filters: int, kernel_size: int, dtype: str) -> bool:
    """Whether such an R, on a CPU, is computed here."""
    fits = dtype == "bfloat16" and filters % LANES == 0 and kernel_size % 2 and kernel_size > 1
    return bool(fits) and library("refiner") is not None


class _Refiner(torch.autograd.Function):
    """Logits (N, H, W, C) of R, before its tanh."""

    @staticmethod
    def forward(
        ctx: Any, shape: _Shape, memory: tuple[Memory, Memory], keep: bool, images: Tensor, *values: Tensor
    ) -> Tensor:
        functions, threads = _functions(), threads_for(images)
        images, values = images.contiguous(), tuple(value.contiguous() for value in values)
        room = memory[0].take(functions.memory_size(shape, threads, False))
        kept = memory[1].take(len(images) * functions.kept_size(shape)) if keep else None
        logits = torch.empty_like(images)
        functions.run(shape, at(images), all_at(values), at(kept), at(room), threads, len(images), at(logits))
        memory[0].give_back(room)
        ctx.shape, ctx.memory, ctx.kept = shape, memory, kept
        ctx.save_for_backward(images, *values)
        return logits

    @staticmethod
    def backward(ctx: Any, slopes: Tensor) -> Any:
        functions, threads = _functions(), threads_for(slopes)
        shape, memory, kept = ctx.shape, ctx.memory, ctx.kept
        if kept is None:
            raise RuntimeError("refiner: expected one backward pass, received another; what it needs is gone")
        images, *values = ctx.saved_tensors
        ctx.kept, slopes = None, slopes.contiguous()
        room = memory[0].take(functions.memory_size(shape, threads, True))
        places = (long * (len(values) + 1))()
        functions.gradient_places(shape, places)
        size = places[len(values)]
        sums = torch.zeros(threads, size)
        functions.run_back(
            shape, at(images), all_at(values), at(kept), at(room), threads, len(images), at(slopes), at(sums)
        )
        memory[0].give_back(room)
        memory[1].give_back(kept)
        return None, None, None, None, *gradients_like(values, places[: len(values)], sums)


@cache
def _functions() -> ctypes.CDLL:
    found = loaded("refiner")
    found.kept_size.argtypes, found.kept_size.restype = [_Shape], long
    found.memory_size.argtypes, found.memory_size.restype = [_Shape, number, number], long
    found.gradient_places.argtypes = [_Shape, pointer]
    found.run.argtypes = [_Shape, *[pointer] * 4, number, long, pointer]
    found.run_back.argtypes = [_Shape, *[pointer] * 4, number, long, pointer, pointer]
    return found
