"""The convolution in R and D, whose saved form older releases of Keras can load."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import layers

from simgan.models import layout


def convolution(
    features: Any,
    filters: int,
    size: int,
    *,
    zero: bool = False,
    data_format: layout.DataFormat = "channels_last",
    **settings: Any,
) -> Any:
    """Applies a new convolution: weights from Glorot's uniform distribution, a bias of zeros.

    Args:
        features: (B, H, W, C), or (B, C, H, W) with `channels_first`.
        filters: channels of the result.
        size: side of the kernel.
        zero: whether the weights are zeros too.
        data_format: layout of `features` and of the result.
        settings: further arguments of `keras.layers.Conv2D`.
    """
    channels = features.shape[-1 if data_format == "channels_last" else 1]
    weights = keras.initializers.Zeros() if zero else _glorot_uniform(size, channels, filters)
    layer = layers.Conv2D(filters, size, data_format=data_format, kernel_initializer=weights, **settings)
    return layer(features)


def _glorot_uniform(size: int, channels: int, filters: int) -> keras.initializers.Initializer:
    """Draws the same weights as `keras.initializers.GlorotUniform`, the default of Keras.

    Keras 3.15 saves GlorotUniform with arguments (`input_axes`, `output_axes`) that Keras 3.14 and older refuse to
    load. The arguments of RandomUniform are the same in every release of Keras 3.
    """
    mean_fan = max(1.0, size * size * (channels + filters) / 2)
    limit = math.sqrt(3 * (1 / mean_fan))
    return keras.initializers.RandomUniform(-limit, limit)
