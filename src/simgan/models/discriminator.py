"""The discriminator D: tells refined from real on every local patch of an image.

Source: Shrivastava et al., CVPR 2017, section 3.1 (gaze) and 3.2 (hand pose).
"""

from typing import Literal, NamedTuple

import keras
from keras import layers

from simgan.errors import ConfigError
from simgan.models import layout

Variant = Literal["gaze", "hand"]
DiscriminatorPadding = Literal["same", "valid"]


class _Conv(NamedTuple):
    filters: int
    size: int
    stride: int


class _Pool(NamedTuple):
    size: int
    stride: int


_LAYERS: dict[str, tuple[_Conv | _Pool, ...]] = {
    "gaze": (_Conv(96, 3, 2), _Conv(64, 3, 2), _Pool(3, 1), _Conv(32, 3, 1), _Conv(32, 1, 1)),
    "hand": (_Conv(96, 7, 4), _Conv(64, 5, 2), _Pool(3, 2), _Conv(32, 3, 2), _Conv(32, 1, 1)),
}


def discriminator_model(
    img_width: int = 55,
    img_height: int = 35,
    channels: int = 1,
    *,
    variant: Variant = "gaze",
    padding: DiscriminatorPadding = "same",
    data_format: layout.DataFormat = "channels_last",
    dtype: str = "float32",
) -> keras.Model:
    """Builds D with fresh weights.

    Args:
        img_width: width in pixels.
        img_height: height in pixels.
        channels: channels of the images, >= 1.
        variant: `gaze` (C3 s2-96, C3 s2-64, max-pool 3 s1, C3-32, C1-32, C1-2) or `hand`
            (C7 s4-96, C5 s2-64, max-pool 3 s2, C3 s2-32, C1-32, C1-2).
        padding: `same` pads with zeros, as in the paper; `valid` never looks past the image, so that D cannot
            tell where the border is and judges every patch alike.
        data_format: layout of the computation only; see `simgan.models.layout`.
        dtype: Keras dtype policy of the hidden layers, say `mixed_bfloat16`. Weights and logits are float32.

    Returns:
        A model (B, H, W, channels) in [-1, 1] -> (B, patches, 2) logits of the classes REAL and REFINED, with no
        activation. 75,906 parameters with the defaults.

    Raises:
        ConfigError: the image is too small for one patch under `valid` padding.
    """
    images = keras.Input((img_height, img_width, channels), name="images")  # (B, H, W, C)
    features = layout.enter(images, data_format, dtype)
    height, width = img_height, img_width
    for number, spec in enumerate(_LAYERS[variant], start=1):
        height, width = (_after(side, spec, padding) for side in (height, width))
        if min(height, width) < 1:
            raise ConfigError(
                f"discriminator padding: expected images of at least one patch under 'valid', received "
                f"{img_height}x{img_width} (HxW); use padding 'same' or larger images."
            )
        if isinstance(spec, _Pool):
            features = layers.MaxPooling2D(
                spec.size, spec.stride, padding=padding, data_format=data_format, dtype=dtype, name=f"pool{number}"
            )(features)
        else:
            features = layers.Conv2D(
                spec.filters,
                spec.size,
                spec.stride,
                padding=padding,
                activation="relu",
                data_format=data_format,
                dtype=dtype,
                name=f"conv{number}",
            )(features)  # (B, h, w, filters): each layer divides H and W by its stride
    logits = layers.Conv2D(2, 1, data_format=data_format, dtype="float32", name="logits")(features)  # (B, h, w, 2)
    logits = layout.leave(logits, data_format)
    logits = layers.Reshape((-1, 2), dtype="float32", name="patch_logits")(logits)  # (B, patches = h * w, 2)
    return keras.Model(images, logits, name="discriminator")


def _after(side: int, spec: _Conv | _Pool, padding: DiscriminatorPadding) -> int:
    """Side of the output of one layer, in pixels."""
    if padding == "same":
        return -(-side // spec.stride)
    return (side - spec.size) // spec.stride + 1
