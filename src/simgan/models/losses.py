"""The two losses of SimGAN (Shrivastava et al., CVPR 2017, section 2), each averaged within an image.

The paper sums over patches and pixels; here both are means, so that neither batch nor image size changes their
balance. With P patches and N = H * W * C values an image, the paper's `l_real + lambda * l_reg` equals
`P * (local_adversarial_loss + lambda * N / P * self_regularisation_loss)`: our weight is lambda * N / P.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Any, Literal

import keras
from keras import ops

from simgan.errors import ConfigError

Psi = Literal["identity", "channel_mean", "gradient", "structure"] | Callable[[Any], Any]


class PatchClass(IntEnum):
    """Column of the patch logits. D gives the probability of *refined*, the reverse of the usual GAN."""

    REAL = 0
    REFINED = 1


def patch_labels(patch_class: PatchClass, logits: Any) -> Any:
    """One-hot labels of one class for every patch: the shape and dtype of `logits`, (B, patches, 2)."""
    # Made from `logits`, which is on the device: a constant would be copied there in every update.
    columns = [ops.zeros_like(logits[..., 0])] * 2
    columns[patch_class] = ops.ones_like(logits[..., 0])
    return ops.stack(columns, axis=-1)


@keras.saving.register_keras_serializable("simgan")  # type: ignore[untyped-decorator]
def local_adversarial_loss(y_true: Any, y_pred: Any) -> Any:
    """Softmax cross-entropy of each local patch (section 2.2), averaged over the patches of an image.

    Args:
        y_true: (B, patches, 2) one-hot, columns as in `PatchClass`.
        y_pred: (B, patches, 2) logits of D.

    Returns:
        (B,) in nats, >= 0.
    """
    return ops.mean(ops.categorical_crossentropy(y_true, y_pred, from_logits=True), axis=-1)


@keras.saving.register_keras_serializable("simgan")  # type: ignore[untyped-decorator]
def self_regularisation_loss(y_true: Any, y_pred: Any, psi: Psi = "identity") -> Any:
    """|psi(x~) - psi(x)|_1 (section 2.1), averaged over the values of an image.

    Args:
        y_true: synthetic images x, (B, H, W, C) in [-1, 1].
        y_pred: refined images x~, the same shape.
        psi: feature transform: `identity`, `channel_mean`, `gradient`, `structure`, or a callable on (B, H, W, C).

    Returns:
        (B,), in units of psi.

    Raises:
        ConfigError: `psi` is neither a known name nor a callable.
    """
    difference = ops.abs(features(psi, y_pred) - features(psi, y_true))
    return ops.mean(ops.reshape(difference, (ops.shape(difference)[0], -1)), axis=-1)


def features(psi: Psi, images: Any) -> Any:
    """psi(images) for images (B, H, W, C)."""
    if callable(psi):
        return psi(images)
    if psi == "identity":
        return images
    if psi == "channel_mean":
        return ops.mean(images, axis=-1, keepdims=True)
    if psi == "gradient":
        return image_gradient(images)
    if psi == "structure":
        return structure(images)
    raise ConfigError(f"psi: expected identity, channel_mean, gradient, structure or a callable, received {psi!r}.")


def image_gradient(images: Any) -> Any:
    """Forward differences along x and y: (B, H, W, C) -> (B, H-1, W-1, 2C)."""
    corner = images[:, :-1, :-1]
    return ops.concatenate([images[:, :-1, 1:] - corner, images[:, 1:, :-1] - corner], axis=-1)


def structure(images: Any) -> Any:
    """Tones, with a small weight, and edges: (B, H, W, C) -> (B, H, W, 3C).

    (3/2 x, 6 d/dx G*x, 6 d/dy G*x) with G a Gaussian of 1 px: a flat region may change its tone at little cost, while
    moving an edge costs much. Ours: measured in docs/experiments.md. The factor 3 undoes the mean over three maps.
    """
    smooth = _binomial(_binomial(images))
    dx = _pad_edges(smooth, after=1, axis=2)[:, :, 1:] - smooth
    dy = _pad_edges(smooth, after=1, axis=1)[:, 1:] - smooth
    return ops.concatenate([1.5 * images, 6.0 * dx, 6.0 * dy], axis=-1)


def _binomial(images: Any) -> Any:
    """Smooths with (1, 2, 1) / 4 along y and x, edges repeated. Applied twice, it is nearly a Gaussian of 1 px."""
    padded = _pad_edges(images, before=1, after=1, axis=1)
    images = (padded[:, :-2] + 2.0 * images + padded[:, 2:]) / 4.0
    padded = _pad_edges(images, before=1, after=1, axis=2)
    return (padded[:, :, :-2] + 2.0 * images + padded[:, :, 2:]) / 4.0


def _pad_edges(images: Any, *, before: int = 0, after: int, axis: int) -> Any:
    """Repeats the first and last row (axis 1) or column (axis 2)."""
    first, last = (images[:, :1], images[:, -1:]) if axis == 1 else (images[:, :, :1], images[:, :, -1:])
    return ops.concatenate([first] * before + [images] + [last] * after, axis=axis)
