"""Fresh weights are those of Keras's default, Glorot's uniform distribution, whose name older Keras cannot load."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from simgan.models.convolution import convolution


@pytest.mark.parametrize(("size", "channels", "filters"), [(1, 1, 1), (3, 1, 64), (3, 64, 64), (7, 3, 96)])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_draws_the_weights_of_the_default_of_keras(size, channels, filters, data_format):
    def weights(convolve) -> list[np.ndarray]:
        shape = (16, 16, channels) if data_format == "channels_last" else (channels, 16, 16)
        images = keras.Input(shape)
        keras.utils.set_random_seed(3)
        return keras.Model(images, convolve(images)).get_weights()

    ours = weights(lambda images: convolution(images, filters, size, data_format=data_format))
    default = weights(lambda images: keras.layers.Conv2D(filters, size, data_format=data_format)(images))
    for one, other in zip(ours, default, strict=True):
        np.testing.assert_array_equal(one, other)
