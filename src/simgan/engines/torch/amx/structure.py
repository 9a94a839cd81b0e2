"""Describes the layers of a Keras model, so that only models all of whose layers are known are computed here."""

from typing import Any

import keras
from keras import layers

_MOVES_NO_VALUES = (layers.InputLayer, layers.Permute, layers.Reshape)


def convolution(
    filters: int,
    kernel: int,
    activation: str,
    *,
    stride: int = 1,
    padding: str = "same",
    dtype: str = "bfloat16",
) -> tuple[Any, ...]:
    """The description, in `structure`, of a convolution with a square kernel and a bias."""
    return (
        "conv",
        filters,
        (kernel, kernel),
        (stride, stride),
        padding,
        activation,
        (1, 1),
        1,
        True,
        dtype,
        "float32",
    )


def pooling(size: int, stride: int, padding: str) -> tuple[Any, ...]:
    """The description, in `structure`, of a maximum over square windows."""
    return ("pool", (size, size), (stride, stride), padding)


def structure(model: keras.Model) -> list[tuple[Any, ...]]:
    """Descriptions of the layers that change values, in order."""
    return [_description(layer) for layer in model.layers if not isinstance(layer, _MOVES_NO_VALUES)]


def _description(layer: keras.layers.Layer) -> tuple[Any, ...]:
    if isinstance(layer, layers.Conv2D):
        return (
            "conv",
            *(layer.filters, layer.kernel_size, layer.strides, layer.padding, layer.activation.__name__),
            *(layer.dilation_rate, layer.groups, layer.use_bias, layer.compute_dtype, layer.variable_dtype),
        )
    if isinstance(layer, layers.MaxPooling2D):
        return ("pool", layer.pool_size, layer.strides, layer.padding)
    return (type(layer).__name__,)


def on_cpu(variables: list[keras.Variable]) -> bool:
    """Whether all variables are in the memory of the CPU."""
    return all(variable.value.device.type == "cpu" for variable in variables)
