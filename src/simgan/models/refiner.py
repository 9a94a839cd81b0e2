"""The refiner R: a fully convolutional residual network from a synthetic image to a refined one.

Source: Shrivastava et al., CVPR 2017, section 3.1 (gaze) and 3.2 (hand pose); figure 6 and supplement.
"""

from typing import Any, Literal

import keras
from keras import layers, ops

from simgan.errors import ConfigError
from simgan.models import layout
from simgan.models.convolution import convolution

Output = Literal["tanh", "residual"]


@keras.saving.register_keras_serializable("simgan")
class ClipPassingGradients(layers.Layer):  # type: ignore[misc]
    """Clips values to [-1, 1]. The gradient is that of the identity, so that clipped pixels can come back."""

    def call(self, images: Any) -> Any:
        """(..., C) -> (..., C) in [-1, 1]."""
        return ops.stop_gradient(ops.clip(images, -1.0, 1.0)) + (images - ops.stop_gradient(images))


def refiner_model(
    img_width: int | None = 55,
    img_height: int | None = 35,
    channels: int = 1,
    *,
    filters: int = 64,
    kernel_size: int = 3,
    blocks: int = 4,
    output: Output = "tanh",
    for_training: bool = False,
    data_format: layout.DataFormat = "channels_last",
    dtype: str = "float32",
) -> keras.Model:
    """Builds R with fresh weights.

    Args:
        img_width: width in pixels, or None for a model that takes any width.
        img_height: height in pixels, or None for a model that takes any height.
        channels: channels of input and output, >= 1.
        filters: feature maps of every hidden layer. 64 in the paper.
        kernel_size: side of every hidden convolution, odd. Gaze 3, hand pose 7.
        blocks: residual blocks. Gaze 4, hand pose 10.
        output: `tanh`: the last layer gives the refined image (paper). `residual`: it gives the change, which is added
            to the image; the sum is clipped to [-1, 1], and fresh weights make R the identity (ours).
        for_training: whether pixels of `residual` that are clipped pass gradients on; see `ClipPassingGradients`.
            The images are the same. A saved model has Keras's own layers instead.
        data_format: layout of the computation only; see `simgan.models.layout`.
        dtype: Keras dtype policy of the hidden layers, such as `mixed_bfloat16`. Weights and output are float32.

    Returns:
        A model (B, H, W, channels) -> (B, H, W, channels), in and out in [-1, 1]. 296,129 parameters with the
        defaults.

    Raises:
        ConfigError: a size is not positive, or `kernel_size` is even.
    """
    sizes = {"img_width": img_width, "img_height": img_height, "channels": channels}
    for name, value in {**sizes, "filters": filters, "kernel_size": kernel_size, "blocks": blocks}.items():
        if value is not None and value < 1:
            raise ConfigError(f"{name}: expected a positive integer, received {value}; the default is a good start.")
    if kernel_size % 2 == 0:
        raise ConfigError(f"kernel_size: expected an odd integer, received {kernel_size}; try {kernel_size + 1}.")

    def hidden(features: Any, activation: str | None, name: str) -> Any:
        return convolution(
            features,
            filters,
            kernel_size,
            padding="same",
            activation=activation,
            data_format=data_format,
            dtype=dtype,
            name=name,
        )

    synthetic = keras.Input((img_height, img_width, channels), name="synthetic")  # (B, H, W, C)
    features = layout.enter(synthetic, data_format, dtype)
    features = hidden(features, "relu", "conv_in")  # (B, H, W, filters)
    for block in range(1, blocks + 1):
        residual = hidden(features, "relu", f"block{block}_conv1")
        residual = hidden(residual, None, f"block{block}_conv2")
        features = layers.Add(dtype=dtype, name=f"block{block}_add")([features, residual])
        features = layers.ReLU(dtype=dtype, name=f"block{block}_relu")(features)
    # float32: 8 bits of bfloat16 mantissa would quantise the refined pixels.
    last = layout.leave(
        convolution(
            features,
            channels,
            1,
            zero=output == "residual",
            activation="tanh" if output == "tanh" else None,
            data_format=data_format,
            dtype="float32",
            name="conv_out",
        ),
        data_format,
    )  # (B, H, W, C)
    refined = last if output == "tanh" else _clipped_sum(synthetic, last, for_training=for_training)
    return keras.Model(synthetic, refined, name="refiner")


def _clipped_sum(images: Any, change: Any, *, for_training: bool) -> Any:
    """Image and change, added and clipped to [-1, 1]: (B, H, W, C)."""
    changed = layers.Add(dtype="float32", name="add_change")([images, change])
    if for_training:
        return ClipPassingGradients(dtype="float32", name="clip")(changed)
    # Layers of any release of Keras 3, since users load the saved model without this package.
    above_zero = layers.ReLU(max_value=2.0, dtype="float32", name="clip")(layers.Rescaling(1.0, 1.0)(changed))
    return layers.Rescaling(1.0, -1.0)(above_zero)


def any_size(refiner: keras.Model) -> keras.Model:
    """The same fully convolutional network, with the same weights, for images of any height and width.

    Args:
        refiner: a model (B, H, W, C) -> (B, H, W, C), built by `refiner_model` or read from a file.
    """
    channels = refiner.input_shape[-1]
    if refiner.input_shape[1:3] == (None, None):
        return refiner
    clone = keras.models.clone_model(refiner, input_tensors=keras.Input((None, None, channels), name="synthetic"))
    clone.set_weights(refiner.get_weights())
    return clone
