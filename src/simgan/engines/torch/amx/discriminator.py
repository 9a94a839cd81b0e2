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
    """`Shape` of discriminator.cpp."""

    _fields_ = [(name, ctypes.c_int) for name in ("height", "width", "channels", "same", "global", "count")]


def discriminator_on_tiles(model: keras.Model) -> Callable[[Tensor], Tensor] | None:
    """`on_tiles` for D; None if `model` is not a D that can be computed here."""
    shape, described = model.inputs[0].shape[1:], structure(model)
    is_global = described[-2:-1] == [("GlobalAveragePooling2D",)]
    hidden, last = described[: -2 if is_global else -1], described[-1:]
    gives_logits = last == [convolution(2, 1, "linear", padding="valid", dtype="float32")]
    if not gives_logits or not hidden or hidden[0][0] != "conv" or len(shape) != 3 or None in shape:
        return None
    padding = hidden[0][4]
    specs = [number for layer in hidden for number in _layer_spec(layer, padding)]
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    variables = [variable for layer in layers for variable in (layer.kernel, layer.bias)]
    if len(specs) < 4 * len(hidden) or not on_cpu(variables) or library("discriminator") is None:
        return None
    network = _network(_Shape(*shape, padding == "same", is_global, len(hidden)), (ctypes.c_int * len(specs))(*specs))

    def patch_logits(images: Tensor) -> Tensor:
        if images.shape[1:] != shape or not fits(images):
            return model(images)  # type: ignore[no-any-return]
        return logits_of(network, images, [variable.value for variable in variables])

    return patch_logits


def _layer_spec(layer: tuple[Any, ...], padding: str) -> tuple[int, ...]:
    """`LayerSpec` of discriminator.cpp: pools, kernel, stride, filters. Empty if the layer cannot be computed here."""
    if layer[0] == "pool":
        _, (size, _), (stride, _), _ = layer
        return (1, size, stride, 0) if layer == pooling(size, stride, padding) else ()
    if layer[0] == "conv":
        _, filters, (kernel, _), (stride, _), *_ = layer
        is_known = layer == convolution(filters, kernel, "relu", stride=stride, padding=padding)
        return (0, kernel, stride, filters) if is_known and filters % LANES == 0 else ()
    return ()


def _network(shape: _Shape, specs: Any) -> Network:
    """D with its C++ object, which is destroyed together with the `Network`."""
    functions = _functions()
    handle = functions.create(shape, specs)
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
