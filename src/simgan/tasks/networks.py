"""The networks of estimators: a small one, the paper's, and one from a user's file."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
from keras import layers

from simgan.errors import ConfigError
from simgan.tasks.user_model import read_user_model

Network = Callable[[int, int, int, int], keras.Model]
"""(height, width, channels, outputs) -> a fresh model (B, H, W, C) -> (B, outputs) in float32."""

_LONGEST_SIDE = 96  # px: the small network averages images with a longer side down to about this length
_LARGEST_MAP = 8  # cells: the small network pools until no side of its maps has more
_FILTERS = (32, 48, 64)  # of the convolutions after the first; deeper ones have the last number


def small_network(height: int, width: int, channels: int, outputs: int) -> keras.Model:
    """A small form of the paper's network: one processor core trains dozens of these networks in a few minutes.

    C3-16 s2, C3-32, max-pool 2, C3-48, max-pool 2, C3-64, ... until no side has more than 8 cells; FC-128,
    FC-`outputs`; ReLU between (C3-16 s2: 16 filters of 3x3 with stride 2; FC: fully connected).
    """
    kind: dict[str, Any] = {"padding": "same", "data_format": "channels_first"}
    shrink = max(1, round(max(height, width) / _LONGEST_SIDE))
    images = keras.Input((height, width, channels), name="images")
    features = layers.Permute((3, 1, 2))(images)  # (B, C, H, W)
    if shrink > 1:
        features = layers.AveragePooling2D(shrink, **kind)(features)  # H and W are now those of the averaged images
    features = layers.Conv2D(16, 3, strides=2, activation="relu", **kind)(features)  # (B, 16, H/2, W/2)
    for depth in itertools.count():
        filters = _FILTERS[min(depth, len(_FILTERS) - 1)]
        features = layers.Conv2D(filters, 3, activation="relu", **kind)(features)
        if max(features.shape[2:]) <= _LARGEST_MAP:
            break
        features = layers.MaxPooling2D(2, **kind)(features)
    features = layers.Flatten(data_format="channels_first")(features)
    features = layers.Dense(128, activation="relu")(features)
    return keras.Model(images, layers.Dense(outputs)(features), name="estimator")


def paper_network(height: int, width: int, channels: int, outputs: int) -> keras.Model:
    """The gaze estimator of Shrivastava et al., 4.1: C32, C32, C64, max-pool 3 s2, C80, C192, max-pool 2 s2, FC1000.

    3x3 convolutions without padding: at 35x55 the last maps are 192 of 5x10, which are the 9,600 values of the
    paper's 'FC9600'.

    Raises:
        ConfigError: the images are too small.
    """
    if min(height, width) < 18:
        raise ConfigError(f"estimator: expected images of 18x18 or more, received {height}x{width}; use 'small'.")
    kind: dict[str, Any] = {"data_format": "channels_first"}
    images = keras.Input((height, width, channels), name="images")
    features = layers.Permute((3, 1, 2))(images)  # (B, C, H, W)
    for filters in (32, 32, 64):
        features = layers.Conv2D(filters, 3, activation="relu", **kind)(features)  # (B, 64, H-6, W-6) at the end
    features = layers.MaxPooling2D(3, 2, **kind)(features)
    for filters in (80, 192):
        features = layers.Conv2D(filters, 3, activation="relu", **kind)(features)
    features = layers.MaxPooling2D(2, 2, **kind)(features)
    features = layers.Flatten(data_format="channels_first")(features)
    features = layers.Dense(1000, activation="relu")(features)
    return keras.Model(images, layers.Dense(outputs)(features), name="estimator")


def user_network(path: Path) -> Network:
    """The architecture of a user's .keras file, with fresh weights each time. For classes it must output logits.

    Its `Normalization` layers keep the statistics that they were adapted to, because no training changes them.

    Raises:
        ConfigError: the file is no model, or has frozen layers, whose fresh weights would stay random. The returned
            function raises it if inputs or outputs do not fit the data.
    """
    if not path.exists():
        raise ConfigError(f"estimator: expected small, paper or a .keras file, received {path}; check the path.")
    model = read_user_model(path, "estimator")
    frozen = [
        layer.name
        for layer in _layers_of(model)
        if layer.weights and not layer.trainable and not isinstance(layer, layers.Normalization)
    ]
    if frozen:
        raise ConfigError(
            f"estimator: expected trainable layers only, because all start with fresh weights, received the frozen "
            f"layers {', '.join(frozen[:5])} in {path}; set trainable = True in each and save the model anew."
        )

    def build(height: int, width: int, channels: int, outputs: int) -> keras.Model:
        fits = len(model.inputs) == len(model.outputs) == 1 and all(
            side in (None, wanted)
            for side, wanted in zip(model.input_shape[1:], (height, width, channels), strict=False)
        )
        if not fits or len(model.input_shape) != 4 or tuple(model.output_shape[1:]) != (outputs,):
            raise ConfigError(
                f"estimator: expected a model (B, {height}, {width}, {channels}) -> (B, {outputs}), received "
                f"{model.input_shape} -> {model.output_shape} in {path}; change the model or the label."
            )
        fresh = keras.models.clone_model(model)
        for layer, original in zip(_layers_of(fresh), _layers_of(model), strict=True):
            if isinstance(layer, layers.Normalization):
                layer.set_weights(original.get_weights())
                layer.finalize_state()
        return fresh

    return build


def _layers_of(model: keras.Model) -> Iterator[keras.Layer]:
    """The layers of a model and of the models within it, in order."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers_of(layer)
        else:
            yield layer


def network(name: str) -> Network:
    """The network that `name` stands for: `small`, `paper`, or the path of a .keras file."""
    return {"small": small_network, "paper": paper_network}.get(name) or user_network(Path(name))
