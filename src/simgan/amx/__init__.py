"""R on the tile units of a processor with AMX: the whole network and its gradients in bfloat16, image by image.

About twice as fast as PyTorch's bfloat16 convolutions on such a processor, which keep all images of a micro-batch
waiting between layers. Sums are float32; results differ from PyTorch's by the rounding of bfloat16.
"""

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import keras
import torch
from torch import Tensor

from simgan.native import compiled

_LANES = 32  # channels are multiples of it


class _Shape(ctypes.Structure):
    """As in refiner.cpp."""

    _fields_ = [(name, ctypes.c_int) for name in ("height", "width", "channels", "filters", "blocks", "kernel")]


def on_tiles(model: keras.Model) -> Callable[[Tensor], Tensor] | None:
    """`model` as a function of a batch, computed on the tile units; it follows the weights of the model.

    None where the model is not an R in bfloat16 whose filters are a multiple of 32, or the machine has no such units
    or no C++ compiler. The images have no gradient, as none is needed of what is synthetic.
    """
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    blocks = len(layers) // 2 - 1
    inner = [f"block{block}_conv{number}" for block in range(1, blocks + 1) for number in (1, 2)]
    if [layer.name for layer in layers] != ["conv_in", *inner, "conv_out"]:
        return None
    filters, kernel = layers[0].filters, layers[0].kernel_size[0]
    if not applies(filters, kernel, layers[0].compute_dtype):
        return None
    variables = [variable for layer in layers for variable in (layer.kernel, layer.bias)]
    memory = _Memory(), _Memory()

    def refined(images: Tensor) -> Tensor:
        shape = _Shape(*images.shape[1:], filters, blocks, kernel)
        values = [variable.value for variable in variables]
        logits: Tensor = _Refiner.apply(shape, memory, torch.is_grad_enabled(), images, *values)  # type: ignore[no-untyped-call]
        return torch.tanh(logits)

    return refined


def applies(filters: int, kernel_size: int, dtype: str) -> bool:
    """Whether such an R, on a CPU, is computed here."""
    return dtype == "bfloat16" and filters % _LANES == 0 and kernel_size > 1 and _library() is not None


class _Memory:
    """A buffer that stays: new memory costs the system as much as filling it costs us."""

    def __init__(self) -> None:
        self._free: list[Tensor] = []

    def take(self, count: int) -> Tensor:
        """At least `count` bfloat16 numbers, of any values."""
        free = self._free.pop() if self._free else None
        return free if free is not None and len(free) >= count else torch.empty(count, dtype=torch.bfloat16)

    def give_back(self, buffer: Tensor) -> None:
        """Nobody reads it any longer."""
        self._free = [buffer]


class _Refiner(torch.autograd.Function):
    """Logits (N, H, W, C) of R, before its tanh."""

    @staticmethod
    def forward(
        ctx: Any, shape: _Shape, memory: tuple[_Memory, _Memory], keep: bool, images: Tensor, *values: Tensor
    ) -> Tensor:
        library, threads = _loaded(), torch.get_num_threads()
        images, values = images.contiguous(), tuple(value.contiguous() for value in values)
        room = memory[0].take(library.memory_size(shape, threads))
        kept = memory[1].take(len(images) * library.kept_size(shape)) if keep else None
        logits = torch.empty_like(images)
        library.run(shape, _at(images), _all_at(values), _at(kept), _at(room), threads, len(images), _at(logits))
        memory[0].give_back(room)
        ctx.shape, ctx.memory, ctx.kept = shape, memory, kept
        ctx.save_for_backward(images, *values)
        return logits

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        library, threads = _loaded(), torch.get_num_threads()
        shape, memory, kept = ctx.shape, ctx.memory, ctx.kept
        if kept is None:
            raise RuntimeError("amx: expected one backward pass, received another; what it needs is gone")
        images, *values = ctx.saved_tensors
        ctx.kept, gradient = None, gradient.contiguous()
        room = memory[0].take(library.memory_size(shape, threads))
        places = (ctypes.c_long * (len(values) + 1))()
        library.gradient_places(shape, places)
        sums = torch.zeros(threads, places[len(values)])
        library.run_back(
            shape, _at(images), _all_at(values), _at(kept), _at(room), threads, len(images), _at(gradient), _at(sums)
        )
        memory[0].give_back(room)
        memory[1].give_back(kept)
        total = sums.sum(0)
        parts = [total[place : place + value.numel()] for place, value in zip(places, values, strict=False)]
        # The last kernel comes as (channels, filters).
        parts[-2] = parts[-2].view(shape.channels, shape.filters).T
        return None, None, None, None, *(part.reshape(v.shape) for part, v in zip(parts, values, strict=True))


def _at(array: Tensor | None) -> ctypes.c_void_p:
    return ctypes.c_void_p(None if array is None else array.data_ptr())


def _all_at(arrays: tuple[Tensor, ...] | list[Tensor]) -> Any:
    return (ctypes.c_void_p * len(arrays))(*(array.data_ptr() for array in arrays))


def _loaded() -> ctypes.CDLL:
    library = _library()
    if library is None:
        raise RuntimeError(
            "amx: expected a processor with AMX and a C++ compiler, received none"
        )  # `applies` has looked
    return library


@cache
def _library() -> ctypes.CDLL | None:
    # PyTorch tells it of a CPU only under a private name, which another version may not have.
    if not getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)():
        return None
    library = compiled(Path(__file__).with_name("refiner.cpp"))
    if library is None or library.ask_for_tiles():
        return None
    pointer, number, long = ctypes.c_void_p, ctypes.c_int, ctypes.c_long
    library.kept_size.argtypes, library.kept_size.restype = [_Shape], long
    library.memory_size.argtypes, library.memory_size.restype = [_Shape, number], long
    library.gradient_places.argtypes = [_Shape, pointer]
    library.run.argtypes = [_Shape, *[pointer] * 4, number, long, pointer]
    library.run_back.argtypes = [_Shape, *[pointer] * 4, number, long, pointer, pointer]
    return library
