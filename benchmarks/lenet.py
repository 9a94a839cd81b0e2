"""The classifier with which published methods of domain adaptation are compared on digits."""

from typing import Any

import keras
from keras import layers


def lenet(height: int, width: int, channels: int, outputs: int) -> keras.Model:
    """C5-20, max-pool 2, ReLU, C5-50, dropout of whole maps, max-pool 2, ReLU, FC-500, ReLU, dropout, FC-`outputs`.

    Source: the LeNet of public code of ADDA (Tzeng et al., CVPR 2017), which the authors of CyCADA (Hoffman et al.,
    ICML 2018) share; CyCADA's own file was not read. Its convolutions do not pad, and both dropouts drop a half. A
    `Network`; it outputs logits.
    """
    kind: dict[str, Any] = {"data_format": "channels_first"}
    images = keras.Input((height, width, channels), name="images")
    features = layers.Permute((3, 1, 2))(images)  # (B, C, 28, 28)
    features = layers.Conv2D(20, 5, **kind)(features)  # (B, 20, 24, 24)
    features = layers.ReLU()(layers.MaxPooling2D(2, **kind)(features))  # (B, 20, 12, 12)
    features = layers.SpatialDropout2D(0.5, **kind)(layers.Conv2D(50, 5, **kind)(features))  # (B, 50, 8, 8)
    features = layers.ReLU()(layers.MaxPooling2D(2, **kind)(features))  # (B, 50, 4, 4)
    features = layers.Flatten(**kind)(features)  # (B, 800)
    features = layers.Dropout(0.5)(layers.Dense(500, activation="relu")(features))
    return keras.Model(images, layers.Dense(outputs)(features), name="lenet")
