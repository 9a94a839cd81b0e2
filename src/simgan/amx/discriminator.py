"""D on tile units: see discriminator.cpp."""

import ctypes
import weakref
from collections.abc import Callable
from functools import cache
from typing import Any

import keras
import torch
from keras import layers
from torch import Tensor

from simgan.amx.library import LANES, MOST_PIXELS, Memory, all_at, at, gradients_like, library, long, number, pointer


class _Shape(ctypes.Structure):
    """As in discriminator.cpp."""

    _fields_ = [(name, ctypes.c_int) for name in ("height", "width", "channels", "same", "global", "count")]


def discriminator_on_tiles(model: keras.Model) -> Callable[[Tensor], Tensor] | None:
    """`model` as a function of a batch, or None. It takes images of the model's size alone."""
    if model.name != "discriminator" or model.input_shape[1] * model.input_shape[2] > MOST_PIXELS:
        return None
    *hidden, last = [layer for layer in model.layers if isinstance(layer, layers.Conv2D | layers.MaxPooling2D)]
    convolutions = [layer for layer in hidden if isinstance(layer, layers.Conv2D)]
    fits = all(layer.filters % LANES == 0 and layer.compute_dtype == "bfloat16" for layer in convolutions)
    if not fits or library("discriminator") is None:
        return None
    given = [
        (1, layer.pool_size[0], layer.strides[0], 0)
        if isinstance(layer, layers.MaxPooling2D)
        else (0, layer.kernel_size[0], layer.strides[0], layer.filters)
        for layer in hidden
    ]
    is_global = any(isinstance(layer, layers.GlobalAveragePooling2D) for layer in model.layers)
    variables = [variable for layer in (*convolutions, last) for variable in (layer.kernel, layer.bias)]
    network = _Network(
        _Shape(*model.input_shape[1:], hidden[0].padding == "same", is_global, len(hidden)),
        (ctypes.c_int * (4 * len(hidden)))(*(value for layer in given for value in layer)),
        len(variables),
    )

    def judged(images: Tensor) -> Tensor:
        values = [variable.value for variable in variables]
        logits: Tensor = _Discriminator.apply(network, torch.is_grad_enabled(), images, *values)  # type: ignore[no-untyped-call]
        return logits

    return judged


class _Network:
    """A D as the functions know it, and the memory that it computes in."""

    def __init__(self, shape: _Shape, layers: Any, arrays: int) -> None:
        functions = _functions()
        self.handle = functions.create(shape, layers)
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
        functions, threads = _functions(), torch.get_num_threads()
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
        functions, threads = _functions(), torch.get_num_threads()
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
    found = library("discriminator")
    if found is None:  # discriminator_on_tiles has looked before
        raise RuntimeError("discriminator: expected a processor with AMX and a C++ compiler, received none")
    found.create.argtypes, found.create.restype = [_Shape, pointer], pointer
    found.destroy.argtypes = [pointer]
    found.kept_size.argtypes, found.kept_size.restype = [pointer], long
    found.memory_size.argtypes, found.memory_size.restype = [pointer, number], long
    found.patches.argtypes, found.patches.restype = [pointer], long
    found.gradient_places.argtypes = [pointer, pointer]
    found.run.argtypes = [*[pointer] * 5, number, long, pointer]
    found.run_back.argtypes = [*[pointer] * 5, number, long, *[pointer] * 3]
    return found
