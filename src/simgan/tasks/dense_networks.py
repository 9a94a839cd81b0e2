"""The networks whose outputs are maps: a small U-Net for segmentation, and one for detection."""

from typing import Any

import keras
from keras import layers

SEGMENTED_SIDE, DETECTED_SIDE = 96, 128  # px: images with a longer side are averaged down to about this length
STRIDE = 4  # px of the averaged image from one cell of the detection network's maps to the next
# The logit of 0.1, with which all classes begin: few cells have boxes, so training starts stably (Lin et al.,
# arXiv:1708.02002, 3.3).
_FIRST_LOGIT = -2.19
_MOMENTUM = 0.9  # of the moving statistics of batch normalisation; low, because trainings are short
_MAPS: dict[str, Any] = {"padding": "same", "data_format": "channels_first"}


def shrink_factor(height: int, width: int, longest: int) -> int:
    """The factor by which images are averaged down, so that their longer side has about `longest` px."""
    return max(1, round(max(height, width) / longest))


def segmentation_network(height: int, width: int, channels: int, outputs: int) -> keras.Model:
    """A small U-Net (Ronneberger et al., arXiv:1505.04597) that adds maps instead of concatenating them.

    (B, H, W, C) -> (B, outputs, h, w), where h and w are the sides of the averaged images.

    Down: C3-16, C3-32 s2, max-pool 2, C3-48, max-pool 2, C3-64, C3-64 (C3-16: 16 filters of 3x3; s2: stride 2). Up,
    three times: C1, upsampling by 2, and the sum with the maps of that size from the way down. C3-48 follows the first
    sum, C3-32 the second, and C3-`outputs` the third. Batch normalisation and ReLU follow each C3 but the last.
    """
    images, averaged = _averaged(height, width, channels, SEGMENTED_SIDE)
    whole = _convolved(averaged, 16)  # (B, 16, h, w)
    half = _convolved(whole, 32, strides=2)  # (B, 32, h/2, w/2)
    quarter = _convolved(layers.MaxPooling2D(2, **_MAPS)(half), 48)  # (B, 48, h/4, w/4)
    features = _convolved(layers.MaxPooling2D(2, **_MAPS)(quarter), 64)  # (B, 64, h/8, w/8)
    features = _convolved(features, 64)
    features = _convolved(_add_upsampled(features, quarter), 48)  # (B, 48, h/4, w/4)
    features = _convolved(_add_upsampled(features, half), 32)  # (B, 32, h/2, w/2)
    logits = layers.Conv2D(outputs, 3, **_MAPS)(_add_upsampled(features, whole))  # (B, outputs, h, w)
    return keras.Model(images, logits, name="segmentation")


def detection_network(height: int, width: int, channels: int, outputs: int) -> keras.Model:
    """A small network with the outputs of CenterNet (Zhou et al., arXiv:1904.07850).

    (B, H, W, C) -> (B, outputs, h, w), with a cell for each 4 px of the averaged images. The last four outputs are the
    place and size of a box, the others are logits of the classes.

    Down: C3-16 s2, C3-32 s2, C3-48, max-pool 2, C3-64, max-pool 2, C3-64. Up, twice, as in `segmentation_network`,
    with C3-64 after the first sum and C3-48 after the second. Then C3-48 and C1-`outputs`. Batch normalisation and
    ReLU follow each C3.
    """
    images, averaged = _averaged(height, width, channels, DETECTED_SIDE)
    features = _convolved(averaged, 16, strides=2)
    features = _convolved(features, 32, strides=2)  # (B, 32, h, w)
    near = _convolved(features, 48)
    middle = _convolved(layers.MaxPooling2D(2, **_MAPS)(near), 64)  # (B, 64, h/2, w/2)
    features = _convolved(layers.MaxPooling2D(2, **_MAPS)(middle), 64)  # (B, 64, h/4, w/4)
    features = _convolved(_add_upsampled(features, middle), 64)
    features = _convolved(_add_upsampled(features, near), 48)  # (B, 48, h, w)
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


def _add_upsampled(features: Any, larger: Any) -> Any:
    """Brings `features` to the channels and twice the size, those of `larger` (B, F, h, w), and adds both."""
    features = layers.Conv2D(larger.shape[1], 1, **_MAPS)(features)
    features = layers.UpSampling2D(2, data_format="channels_first")(features)
    return layers.Add()([features[:, :, : larger.shape[2], : larger.shape[3]], larger])
