"""D on tile units: see discriminator.cpp."""

import ctypes
import weakref
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
from simgan.amx.structure import convolution, on_cpu, pooling, structure


class _Shape(ctypes.Structure):
    """As in discriminator.cpp."""

    _fields_ = [(name, ctypes.c_int) for name in ("height", "width", "channels", "same", "global", "count")]


def discriminator_on_tiles(model: keras.Model) -> Callable[[Tensor], Tensor] | None:
    """`model` as a function of a batch, or None. Images that do not fit are left to the model itself."""
    shape, told = model.inputs[0].shape[1:], structure(model)
    is_global = told[-2:-1] == [("GlobalAveragePooling2D",)]
    hidden, last = told[: -2 if is_global else -1], told[-1:]
    judges = last == [convolution(2, 1, "linear", padding="valid", dtype="float32")]
    if not judges or not hidden or hidden[0][0] != "conv" or len(shape) != 3 or None in shape:
        return None
    padding = hidden[0][4]
    given = [number for layer in hidden for number in _given(layer, padding)]
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    variables = [variable for layer in layers for variable in (layer.kernel, layer.bias)]
    if len(given) < 4 * len(hidden) or not on_cpu(variables) or library("discriminator") is None:
        return None
    network = _Network(
        _Shape(*shape, padding == "same", is_global, len(hidden)),
        (ctypes.c_int * len(given))(*given),
        len(variables),
    )

    def judged(images: Tensor) -> Tensor:
        if images.shape[1:] != shape or not fits(images):
            return model(images)  # type: ignore[no-any-return]
        values = [variable.value for variable in variables]
        logits: Tensor = _Discriminator.apply(network, torch.is_grad_enabled(), images, *values)  # type: ignore[no-untyped-call]
        return logits

    return judged


def _given(layer: tuple[Any, ...], padding: str) -> tuple[int, ...]:
    """A hidden layer as in discriminator.cpp: pools, kernel, stride, filters; nothing if it is another."""
    if layer[0] == "pool":
        _, (size, _), (stride, _), _ = layer
        return (1, size, stride, 0) if layer == pooling(size, stride, padding) else ()
    if layer[0] == "conv":
        _, filters, (kernel, _), (stride, _), *_ = layer
        is_known = layer == convolution(filters, kernel, "relu", stride=stride, padding=padding)
        return (0, kernel, stride, filters) if is_known and filters % LANES == 0 else ()
    return ()


class _Network:
    """A D as the functions know it, and the memory that it computes in."""

    def __init__(self, shape: _Shape, given: Any, arrays: int) -> None:
        functions = _functions()
        self.handle = functions.create(shape, given)
        weakref.finalize(self, functions.destroy, self.handle)
        places = (long * (arrays + 1))()
        functions.gradient_places(self.handle, places)
        *self.places, self.gradients = [int(place) for place in places]
        self.patches = functions.patches(self.handle)
        self.room, self.kept = Memory(), Memory()


class _Discriminator(torch.autograd.Function):
    """Patch logits (N, patches, 2) of D."""

    @staticmethod
    def forward(ctx: Any, network: _Network, keep: bool, images: Tensor, *values: Tensor) -> Tensor:
        functions, threads = _functions(), threads_for(images)
        images, values = images.contiguous(), tuple(value.contiguous() for value in values)
        room = network.room.take(functions.memory_size(network.handle, threads))
        kept = network.kept.take(len(images) * functions.kept_size(network.handle)) if keep else None
        logits = torch.empty(len(images), network.patches, 2)
        functions.run(network.handle, at(images), all_at(values), at(kept), at(room), threads, len(images), at(logits))
        network.room.give_back(room)
        ctx.network, ctx.kept = network, kept
        ctx.save_for_backward(images, *values)
        return logits

    @staticmethod
    def backward(ctx: Any, slopes: Tensor) -> Any:
        functions, threads = _functions(), threads_for(slopes)
        network, kept = ctx.network, ctx.kept
        if kept is None:
            raise RuntimeError("discriminator: expected one backward pass, received another; what it needs is gone")
        images, *values = ctx.saved_tensors
        ctx.kept, slopes = None, slopes.contiguous()
        room = network.room.take(functions.memory_size(network.handle, threads))
        of_images, of_values = ctx.needs_input_grad[2], any(ctx.needs_input_grad[3:])
        sums = torch.zeros(threads, network.gradients) if of_values else None
        image_slopes = torch.empty_like(images) if of_images else None
        functions.run_back(
            network.handle,
            *(at(images), all_at(values), at(kept), at(room), threads, len(images)),
            *(at(slopes), at(sums), at(image_slopes)),
        )
        network.room.give_back(room)
        network.kept.give_back(kept)
        return (
            None,
            None,
            image_slopes,
            *([None] * len(values) if sums is None else gradients_like(values, network.places, sums)),
        )


@cache
def _functions() -> ctypes.CDLL:
    found = loaded("discriminator")
    found.create.argtypes, found.create.restype = [_Shape, pointer], pointer
    found.destroy.argtypes = [pointer]
    found.kept_size.argtypes, found.kept_size.restype = [pointer], long
    found.memory_size.argtypes, found.memory_size.restype = [pointer, number], long
    found.patches.argtypes, found.patches.restype = [pointer], long
    found.gradient_places.argtypes = [pointer, pointer]
    found.run.argtypes = [*[pointer] * 5, number, long, pointer]
    found.run_back.argtypes = [*[pointer] * 5, number, long, *[pointer] * 3]
    return found
