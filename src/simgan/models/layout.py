"""Converts between the channels-last images of every public model and the layout in which its convolutions run.

PyTorch's convolutions are built channels-first. Permuting a channels-last tensor moves no data: PyTorch reads
the view as its channels-last memory format, the fastest one on CPU and GPU. So a model may compute
channels-first while its inputs and outputs stay (batch, height, width, channels). Models of both layouts have the
same weights.
"""

from typing import Any, Literal

from keras import layers

DataFormat = Literal["channels_last", "channels_first"]


def enter(images: Any, data_format: DataFormat, dtype: str) -> Any:
    """(B, H, W, C) -> the layout that the layers compute in."""
    if data_format == "channels_last":
        return images
    return layers.Permute((3, 1, 2), dtype=dtype, name="to_channels_first")(images)


def leave(features: Any, data_format: DataFormat) -> Any:
    """The layout that the layers compute in -> (B, H, W, C) in float32."""
    if data_format == "channels_last":
        return features
    return layers.Permute((2, 3, 1), dtype="float32", name="to_channels_last")(features)
