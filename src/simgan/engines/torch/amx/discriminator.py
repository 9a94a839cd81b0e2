"""D on tile units: see discriminator.cpp."""

import ctypes
import weakref
from collections.abc import Callable
from functools import cache
from typing import Any

import keras
from torch import Tensor

from simgan.engines.torch.amx.library import LANES, fits, library, long, pointer
from simgan.engines.torch.amx.network import Network, functions_of, logits_of
from simgan.engines.torch.amx.structure import convolution, on_cpu, pooling, structure


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
    network = _network(_Shape(*shape, padding == "same", is_global, len(hidden)), (ctypes.c_int * len(given))(*given))

    def judged(images: Tensor) -> Tensor:
        if images.shape[1:] != shape or not fits(images):
            return model(images)  # type: ignore[no-any-return]
        return logits_of(network, images, [variable.value for variable in variables])

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


def _network(shape: _Shape, given: Any) -> Network:
    """D as its functions know it; it is destroyed with the network."""
    functions = _functions()
    handle = functions.create(shape, given)
    patches = functions.patches(handle)
    network = Network(functions, handle, lambda images: (len(images), patches, 2))
    weakref.finalize(network, functions.destroy, handle)
    return network


@cache
def _functions() -> ctypes.CDLL:
    found = functions_of("discriminator", pointer)
    found.create.argtypes, found.create.restype = [_Shape, pointer], pointer
    found.destroy.argtypes = [pointer]
    found.patches.argtypes, found.patches.restype = [pointer], long
    return found
