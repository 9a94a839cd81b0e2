"""A network that reads points: each cell of its last feature map votes for a position, and attention weighs the votes.

A vote is the cell's own position plus a small correction that the network computes, so that points near or beyond the
border can be read as well. Attention is a softmax over the cells, and the point is the weighted mean of the votes (the
soft-argmax of Luvizon et al., arXiv:1710.02322, section 3.1). If content moves, the point moves with it by
construction; a dense layer would have to learn that.
"""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

# Ours: docs/experiments.md, section 10.
_LONGEST_SIDE = 64  # px: images with a longer side are averaged down to about this length
_STRIDE = 4  # px of the averaged image from one cell of the map to the next
_SHARPNESS = 4.0  # factor of the scores before the softmax of attention
_CORRECTION = 0.5  # cells by which an output of 1 moves a vote


def voting_network(height: int, width: int, channels: int, outputs: int) -> keras.Model:
    """C3-24 s2, C3-32, pool 2, C3-48 twice, pool 2, C3-64 twice, C1-48, upsampling 2, sum with the maps before the
    second pool, C3-48, votes.

    The outputs are in pixels of the image, so targets must not be standardised.
    """
    kind: dict[str, Any] = {"padding": "same", "data_format": "channels_first"}
    active = {**kind, "activation": "relu"}
    shrink = max(1, round(max(height, width) / _LONGEST_SIDE))
    images = keras.Input((height, width, channels), name="images")
    features = layers.Permute((3, 1, 2))(images)  # (B, C, H, W)
    if shrink > 1:
        features = layers.AveragePooling2D(shrink, **kind)(features)  # H and W are now those of the averaged images
    features = layers.Conv2D(24, 3, strides=2, **active)(features)  # (B, 24, H/2, W/2)
    features = layers.Conv2D(32, 3, **active)(features)
    features = layers.MaxPooling2D(2, **kind)(features)  # (B, 32, H/4, W/4)
    features = layers.Conv2D(48, 3, **active)(features)
    near = layers.Conv2D(48, 3, **active)(features)
    features = layers.MaxPooling2D(2, **kind)(near)  # (B, 48, H/8, W/8)
    features = layers.Conv2D(64, 3, **active)(features)
    features = layers.Conv2D(64, 3, **active)(features)
    features = layers.Conv2D(48, 1, **kind)(features)
    features = layers.UpSampling2D(2, data_format="channels_first")(features)
    features = features[:, :, : near.shape[2], : near.shape[3]]  # (B, 48, H/4, W/4)
    features = layers.Conv2D(48, 3, **active)(layers.Add()([features, near]))
    return keras.Model(images, _votes(features, outputs, shrink), name="localiser")


def _votes(features: Any, outputs: int, shrink: int) -> Any:
    """Features (B, F, h, w) -> points (B, 2P), px."""
    points, (rows, columns) = outputs // 2, features.shape[2:]
    spacing = _STRIDE * shrink
    kind: dict[str, Any] = {"data_format": "channels_first"}
    scores = layers.Conv2D(points, 1, **kind)(features)
    attention = ops.softmax(ops.reshape(scores, (-1, points, 1, rows * columns)) * _SHARPNESS, axis=-1)
    y, x = np.mgrid[:rows, :columns].astype(np.float32) * spacing + np.float32((shrink - 1) / 2)
    places = np.stack([x.ravel(), y.ravel()])  # (2, h w)
    corrections = layers.Conv2D(outputs, 1, **kind)(features)
    votes = ops.reshape(corrections, (-1, points, 2, rows * columns)) * (_CORRECTION * spacing) + places
    return ops.reshape(ops.sum(attention * votes, axis=-1), (-1, outputs))  # (B, 2P)
