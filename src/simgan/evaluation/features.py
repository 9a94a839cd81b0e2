"""Feature extractors for distances between sets of images; they need no downloaded weights."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from simgan.errors import ConfigError
from simgan.images import resize
from simgan.tasks.user_model import read_user_model

FeatureExtractor = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Maps images (N, H, W, C) in [-1, 1] to features (N, F)."""

_BATCH = 256
_FILTERS = (32, 64, 128)


def random_features(channels: int, seed: int = 0) -> FeatureExtractor:
    """Mean and deviation over the image of each map of three random convolutions: 448 features.

    3x3, stride 2, orthogonal filters, ReLU; the filters depend on the seed only. Untrained filters of several scales
    distinguish textures and tones, and are not fitted to any data set (Ulyanov et al., Deep Image Prior, CVPR 2018,
    show how much of the statistics of images the architecture alone captures).
    """
    random = keras.random.SeedGenerator(seed)
    images = keras.Input((None, None, channels))
    features: Any = images
    maps = []
    for filters in _FILTERS:
        start = keras.initializers.Orthogonal(gain=2**0.5, seed=random)
        features = layers.Conv2D(filters, 3, strides=2, padding="same", kernel_initializer=start)(features)
        features = layers.ReLU()(features)  # (B, h, w, filters)
        maps.append(features)
    return _spatial_statistics(keras.Model(images, maps))


def discriminator_features(discriminator: keras.Model) -> FeatureExtractor:
    """Mean and deviation over the image of each map before the logits of a trained D: 64 features.

    D sees the middle of each image, cropped to its input size.
    """
    last = [layer for layer in discriminator.layers if isinstance(layer, layers.Conv2D)][-2]
    height, width = discriminator.input_shape[1:3]
    extract = _spatial_statistics(keras.Model(discriminator.input, last.output))

    def features(images: NDArray[np.float32]) -> NDArray[np.float32]:
        top, left = (images.shape[1] - height) // 2, (images.shape[2] - width) // 2
        return extract(images[:, top : top + height, left : left + width])

    return features


def model_features(path: str | Path) -> FeatureExtractor:
    """The output of a feature network in a local .keras file, such as an Inception; images are resized to its input.

    A grey image is repeated in each channel of the input.

    Raises:
        ConfigError: the file is no model of images of one size with 1 or 3 channels.
    """
    model = read_user_model(path, "features")
    try:
        _, height, width, channels = model.input_shape
    except (AttributeError, ValueError, TypeError):
        raise ConfigError(
            f"features: expected a network with one input (B, H, W, C) in {path}, received {model.name!r} with "
            "another input; save a network with such an input."
        ) from None
    if None in (height, width) or channels not in (1, 3):
        raise ConfigError(
            f"features: expected an input of one size and 1 or 3 channels in {path}, received {model.input_shape}; "
            "save the model with a fixed size."
        )

    def features(images: NDArray[np.float32]) -> NDArray[np.float32]:
        if images.shape[-1] != channels:
            images = np.repeat(images.mean(axis=-1, keepdims=True), channels, axis=-1)
        found = []
        for start in range(0, len(images), _BATCH):
            part = np.stack([resize(image, (height, width)) for image in images[start : start + _BATCH]])
            found.append(np.asarray(model.predict_on_batch(part), np.float32).reshape(len(part), -1))
        return np.concatenate(found)

    return features


def _spatial_statistics(model: keras.Model) -> FeatureExtractor:
    """Mean and deviation over the image of each map of `model` (B, h, w, F): features with little position in them."""

    def features(images: NDArray[np.float32]) -> NDArray[np.float32]:
        found = []
        for start in range(0, len(images), _BATCH):
            outputs = model.predict_on_batch(images[start : start + _BATCH])
            maps = outputs if isinstance(outputs, list) else [outputs]
            statistics = [statistic(map_, axis=(1, 2)) for map_ in maps for statistic in (ops.mean, ops.std)]
            found.append(np.concatenate([ops.convert_to_numpy(values) for values in statistics], axis=1))
        return np.concatenate(found).astype(np.float32)

    return features
