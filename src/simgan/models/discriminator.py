"""The discriminator D: classifies every local patch of an image as refined or real.

Source: Shrivastava et al., CVPR 2017, section 3.1 (gaze) and 3.2 (hand pose).
"""

from typing import Literal, NamedTuple

import keras
from keras import layers

from simgan.errors import ConfigError
from simgan.models import layout
from simgan.models.convolution import convolution

Variant = Literal["gaze", "hand"]
DiscriminatorPadding = Literal["same", "valid"]
Patches = Literal["local", "global"]


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
    patches: Patches = "local",
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
        padding: `same` pads with zeros, as in the paper; `valid` adds no pixels, so that D cannot
            tell where the border is and judges every patch alike.
        patches: `local` judges every patch; `global` averages the last maps and judges the image once.
        data_format: layout of the computation only; see `simgan.models.layout`.
        dtype: Keras dtype policy of the hidden layers, say `mixed_bfloat16`. Weights and logits are float32.

    Returns:
        A model (B, H, W, channels) in [-1, 1] -> (B, patches, 2) logits of the classes REAL and REFINED, with no
        activation. 75,906 parameters with the defaults.

    Raises:
        ConfigError: the image is too small for one patch, `channels` is not positive, or `variant`, `padding` or
            `patches` is not one of its choices.
    """
    _check_choices(channels, variant, padding, patches)
    _check_size(img_height, img_width, variant, padding)
    images = keras.Input((img_height, img_width, channels), name="images")  # (B, H, W, C)
    features = layout.enter(images, data_format, dtype)
    for number, spec in enumerate(_LAYERS[variant], start=1):
        if isinstance(spec, _Pool):
            features = layers.MaxPooling2D(
                spec.size, spec.stride, padding=padding, data_format=data_format, dtype=dtype, name=f"pool{number}"
            )(features)
        else:
            features = convolution(
                features,
                spec.filters,
                spec.size,
                strides=spec.stride,
                padding=padding,
                activation="relu",
                data_format=data_format,
                dtype=dtype,
                name=f"conv{number}",
            )  # (B, h, w, filters): each layer divides H and W by its stride
    if patches == "global":
        features = layers.GlobalAveragePooling2D(data_format=data_format, keepdims=True, dtype=dtype)(features)
    logits = convolution(features, 2, 1, data_format=data_format, dtype="float32", name="logits")  # (B, h, w, 2)
    logits = layout.leave(logits, data_format)
    logits = layers.Reshape((-1, 2), dtype="float32", name="patch_logits")(logits)  # (B, patches = h * w, 2)
    return keras.Model(images, logits, name="discriminator")


def smallest_side(variant: Variant, padding: DiscriminatorPadding) -> int:
    """Height and width, in pixels, of the smallest images in which D finds a patch."""
    side = 1  # of the last feature map; the loop goes back through the layers to the image
    if padding == "valid":
        for spec in reversed(_LAYERS[variant]):
            side = (side - 1) * spec.stride + spec.size
    return side


def _check_choices(channels: int, variant: str, padding: str, patches: str) -> None:
    """Raises ConfigError if `channels` is not positive or another argument is not one of its choices."""
    if channels < 1:
        raise ConfigError(f"channels: expected a positive integer, received {channels}; grey is 1, RGB 3.")
    if variant not in _LAYERS:
        raise ConfigError(f"variant: expected one of {', '.join(_LAYERS)}, received {variant!r}.")
    if padding not in ("same", "valid"):
        raise ConfigError(f"padding: expected same or valid, received {padding!r}.")
    if patches not in ("local", "global"):
        raise ConfigError(f"patches: expected local or global, received {patches!r}.")


def _check_size(img_height: int, img_width: int, variant: Variant, padding: DiscriminatorPadding) -> None:
    """Raises ConfigError if the images are too small for one patch."""
    if min(img_height, img_width) < smallest_side(variant, padding):
        raise ConfigError(
            f"discriminator: expected images of at least one patch under padding '{padding}', received "
            f"{img_height}x{img_width} (HxW); use larger images, or padding 'same'."
        )
