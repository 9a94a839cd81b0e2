"""The networks whose outputs are maps: a small U-Net for segmentation, and one for detection."""

from typing import Any

import keras
from keras import layers

SEGMENTED_SIDE, DETECTED_SIDE = 96, 128  # px: images with a longer side are averaged down to about this length
STRIDE = 4  # px of the averaged image from one cell of the detection network's maps to the next
_FIRST_LOGIT = -2.19  # of 0.1: few cells have boxes, so training starts stably (Lin et al., arXiv:1708.02002, 3.3)
_MOMENTUM = 0.9  # of the moving statistics of batch normalisation: trainings are short
_MAPS: dict[str, Any] = {"padding": "same", "data_format": "channels_first"}


def shrink_factor(height: int, width: int, longest: int) -> int:
    """By how much images are averaged down, so that their longer side has about `longest` px."""
    return max(1, round(max(height, width) / longest))


def segmentation_network(height: int, width: int, channels: int, outputs: int) -> keras.Model:
    """C3-16, C3-32 s2, pool 2, C3-48, pool 2, C3-64 twice; then up: three times C1, upsampling 2 and the sum with the
    maps of that size, with C3-48 and C3-32 after the first two; C3-`outputs`. Batch normalisation and ReLU after each
    C3 but the last.

    A small U-Net (Ronneberger et al., arXiv:1505.04597) that adds maps instead of joining them: (B, H, W, C) ->
    (B, outputs, h, w), h and w being the sides of the averaged images.
    """
    images, averaged = _averaged(height, width, channels, SEGMENTED_SIDE)
    whole = _convolved(averaged, 16)  # (B, 16, h, w)
    half = _convolved(whole, 32, strides=2)  # (B, 32, h/2, w/2)
    quarter = _convolved(layers.MaxPooling2D(2, **_MAPS)(half), 48)  # (B, 48, h/4, w/4)
    features = _convolved(layers.MaxPooling2D(2, **_MAPS)(quarter), 64)  # (B, 64, h/8, w/8)
    features = _convolved(features, 64)
    features = _convolved(_raised(features, quarter), 48)  # (B, 48, h/4, w/4)
    features = _convolved(_raised(features, half), 32)  # (B, 32, h/2, w/2)
    logits = layers.Conv2D(outputs, 3, **_MAPS)(_raised(features, whole))  # (B, outputs, h, w)
    return keras.Model(images, logits, name="segmentation")


def detection_network(height: int, width: int, channels: int, outputs: int) -> keras.Model:
    """C3-16 s2, C3-32 s2, C3-48, pool 2, C3-64, pool 2, C3-64; up twice as in the U-Net, with C3-64 and C3-48; C3-48,
    C1-`outputs`. Batch normalisation and ReLU after each C3.

    The head of CenterNet (Zhou et al., arXiv:1904.07850): (B, H, W, C) -> (B, outputs, h, w) with a cell for each 4 px
    of the averaged images. The last four outputs are the place and size of a box, the others logits of the classes.
    """
    images, averaged = _averaged(height, width, channels, DETECTED_SIDE)
    features = _convolved(averaged, 16, strides=2)
    features = _convolved(features, 32, strides=2)  # (B, 32, h, w)
    near = _convolved(features, 48)
    middle = _convolved(layers.MaxPooling2D(2, **_MAPS)(near), 64)  # (B, 64, h/2, w/2)
    features = _convolved(layers.MaxPooling2D(2, **_MAPS)(middle), 64)  # (B, 64, h/4, w/4)
    features = _convolved(_raised(features, middle), 64)
    features = _convolved(_raised(features, near), 48)  # (B, 48, h, w)
    features = _convolved(features, 48)
    heat = layers.Conv2D(outputs - 4, 1, bias_initializer=keras.initializers.Constant(_FIRST_LOGIT), **_MAPS)(features)
    boxes = layers.Conv2D(4, 1, **_MAPS)(features)
    return keras.Model(images, layers.Concatenate(axis=1)([heat, boxes]), name="detection")


def _averaged(height: int, width: int, channels: int, longest: int) -> tuple[Any, Any]:
    """The input (B, H, W, C), and the images averaged down, (B, C, h, w)."""
    images = keras.Input((height, width, channels), name="images")
    features = layers.Permute((3, 1, 2))(images)  # (B, C, H, W)
    shrink = shrink_factor(height, width, longest)
    return images, layers.AveragePooling2D(shrink, **_MAPS)(features) if shrink > 1 else features


def _convolved(features: Any, filters: int, strides: int = 1) -> Any:
    """C3, batch normalisation and ReLU: (B, F, h, w) -> (B, filters, h / strides, w / strides)."""
    features = layers.Conv2D(filters, 3, strides=strides, use_bias=False, **_MAPS)(features)
    return layers.ReLU()(layers.BatchNormalization(axis=1, momentum=_MOMENTUM)(features))


def _raised(features: Any, onto: Any) -> Any:
    """Maps at half the size of `onto` (B, F, h, w), brought to its channels and size and added to it."""
    features = layers.Conv2D(onto.shape[1], 1, **_MAPS)(features)
    features = layers.UpSampling2D(2, data_format="channels_first")(features)
    return layers.Add()([features[:, :, : onto.shape[2], : onto.shape[3]], onto])
