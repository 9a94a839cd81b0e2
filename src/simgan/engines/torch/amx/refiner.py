"""R on tile units: see refiner.cpp."""

import ctypes
from collections.abc import Callable
from functools import cache

import keras
import torch
from torch import Tensor

from simgan.engines.torch.amx.library import LANES, Memory, fits, library
from simgan.engines.torch.amx.network import Network, functions_of, logits_of
from simgan.engines.torch.amx.structure import convolution, on_cpu, structure


class _Shape(ctypes.Structure):
    """`Shape` of refiner.cpp."""

    _fields_ = [(name, ctypes.c_int) for name in ("height", "width", "channels", "filters", "blocks", "kernel")]


def refiner_on_tiles(model: keras.Model) -> Callable[[Tensor], Tensor] | None:
    """`on_tiles` for R; None if `model` is not an R that can be computed here."""
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    if len(layers) < 2:
        return None
    first, last, blocks = layers[0], layers[-1], len(layers) // 2 - 1
    filters, kernel, channels = first.filters, first.kernel_size[0], last.filters
    block = [convolution(filters, kernel, "relu"), convolution(filters, kernel, "linear"), ("Add",), ("ReLU",)]
    is_residual = last.activation.__name__ == "linear"
    last_layer = convolution(channels, 1, last.activation.__name__, padding="valid", dtype="float32")
    after = [("Add",), ("ClipPassingGradients",)] if is_residual else []
    variables = [variable for layer in layers for variable in (layer.kernel, layer.bias)]
    if last.activation.__name__ not in ("tanh", "linear") or structure(model) != [
        convolution(filters, kernel, "relu"),
        *block * blocks,
        last_layer,
        *after,
    ]:
        return None
    if not on_cpu(variables) or not refiner_applies(filters, kernel, "bfloat16"):
        return None
    workspace, activations = Memory(), Memory()

    def refined(images: Tensor) -> Tensor:
        if images.shape[3:] != (channels,) or not fits(images) or images.requires_grad:
            return model(images)  # type: ignore[no-any-return]
        shape = _Shape(*images.shape[1:], filters, blocks, kernel)
        network = Network(_functions(), shape, lambda batch: tuple(batch.shape), workspace, activations)
        computed = logits_of(network, images, [variable.value for variable in variables])
        return model.layers[-1](images + computed) if is_residual else torch.tanh(computed)

    return refined


def refiner_applies(filters: int, kernel_size: int, dtype: str) -> bool:
    """Whether an R of this kind, on a CPU, is computed here."""
    fits = dtype == "bfloat16" and filters % LANES == 0 and kernel_size % 2 and kernel_size > 1
    return bool(fits) and library("refiner") is not None


@cache
def _functions() -> ctypes.CDLL:
    return functions_of("refiner", _Shape)
