from __future__ import annotations

import math

import keras
import numpy as np
import pytest
import torch
from keras import ops
from scipy.ndimage import convolve1d

from simgan.errors import ConfigError
from simgan.losses import PatchClass, features, local_adversarial_loss, patch_labels, self_regularisation_loss

RANDOM = np.random.default_rng(0)
REAL, REFINED = [1.0, 0.0], [0.0, 1.0]


def values(tensor) -> np.ndarray:
    return ops.convert_to_numpy(tensor)


def tensor(array):
    return ops.convert_to_tensor(np.asarray(array, np.float32))


def adversarial(labels, logits) -> np.ndarray:
    return values(local_adversarial_loss(tensor(labels), tensor(logits)))


def regularisation(synthetic, refined, psi="identity") -> np.ndarray:
    return values(self_regularisation_loss(tensor(synthetic), tensor(refined), psi))


def numpy_cross_entropy(labels: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """(B, P) in float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    return -(labels * (shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))).sum(axis=-1)


def test_real_is_column_0_and_refined_column_1():
    logits = tensor(np.zeros((2, 3, 2)))
    np.testing.assert_array_equal(values(patch_labels(PatchClass.REAL, logits)), [[REAL] * 3] * 2)
    np.testing.assert_array_equal(values(patch_labels(PatchClass.REFINED, logits)), [[REFINED] * 3] * 2)


def test_labels_have_the_dtype_of_the_logits():
    logits = ops.cast(tensor(np.ones((1, 1, 2))), "bfloat16")
    assert patch_labels(PatchClass.REAL, logits).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("label", "logits", "expected"),
    [
        (REAL, (0, 0), math.log(2)),
        (REAL, (math.log(3), 0), math.log(4 / 3)),
        (REFINED, (math.log(3), 0), math.log(4)),
        (REFINED, (1000, 0), 1000),  # no overflow
        (REAL, (1000, 0), 0),
        (REAL, (-1, -3), math.log(1 + math.exp(-2))),
    ],
)
def test_adversarial_loss_of_one_patch(label, logits, expected):
    assert adversarial([[label]], [[logits]]) == pytest.approx([expected], rel=1e-6, abs=1e-6)


def test_adversarial_loss_is_the_mean_of_the_patches_for_each_image():
    logits = [[[0, 0], [math.log(3), 0]], [[0, 0], [0, 0]]]
    labels = [[REFINED, REFINED], [REAL, REFINED]]
    expected = [(math.log(2) + math.log(4)) / 2, math.log(2)]
    np.testing.assert_allclose(adversarial(labels, logits), expected, rtol=1e-6)


def test_neither_batch_nor_number_of_patches_moves_the_adversarial_loss():
    logits, labels = RANDOM.normal(size=(1, 3, 2)), np.array([[REAL, REFINED, REAL]])
    one = adversarial(labels, logits)[0]
    more = adversarial(np.tile(labels, (5, 4, 1)), np.tile(logits, (5, 4, 1)))
    np.testing.assert_allclose(more, np.full(5, one), rtol=1e-6)


def test_adversarial_gradient_is_softmax_minus_label_over_patches():
    logits = RANDOM.normal(size=(1, 4, 2)).astype(np.float32)
    labels = np.array([[REAL, REFINED, REAL, REFINED]])
    leaf = torch.tensor(logits, requires_grad=True)
    local_adversarial_loss(tensor(labels).cpu(), leaf).sum().backward()
    softmax = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(leaf.grad.numpy(), (softmax - labels) / 4, rtol=1e-5, atol=1e-7)


def test_identity_is_the_mean_absolute_difference():
    synthetic = [[[[0.0], [1.0]], [[-1.0], [0.5]]]]
    refined = [[[[0.5], [1.0]], [[1.0], [0.0]]]]
    assert regularisation(synthetic, refined) == pytest.approx([(0.5 + 0 + 2 + 0.5) / 4])


def test_channel_mean_compares_the_mean_of_the_channels():
    synthetic = [[[[0.0, 0.2, 0.4], [0.9, 0.0, 0.0]]]]
    refined = [[[[0.4, 0.0, 0.2], [0.0, 0.0, 0.0]]]]  # the first pixel has the same mean
    assert regularisation(synthetic, refined, "channel_mean") == pytest.approx([(0 + 0.3) / 2])


def test_gradient_compares_forward_differences():
    refined = [[[[0.0], [1.0], [3.0]], [[2.0], [9.0], [9.0]]]]  # dx 1, 2 and dy 2, 8 at the two corners
    assert regularisation(np.zeros((1, 2, 3, 1)), refined, "gradient") == pytest.approx([(1 + 2 + 2 + 8) / 4])


def test_gradient_does_not_see_an_offset_and_keeps_channels_apart():
    synthetic = RANDOM.normal(size=(2, 5, 4, 3))
    assert regularisation(synthetic, synthetic + 0.25, "gradient") == pytest.approx([0, 0], abs=1e-6)
    assert (regularisation(synthetic, synthetic[..., ::-1], "gradient") > 0.1).all()


def numpy_structure(images: np.ndarray) -> np.ndarray:
    """(3/2 x, 6 d/dx G*x, 6 d/dy G*x): G is (1, 2, 1) / 4 twice along each axis, edges repeated."""
    smooth = images
    for _ in range(2):
        for axis in (1, 2):
            smooth = convolve1d(smooth, [0.25, 0.5, 0.25], axis=axis, mode="nearest")
    along_x = np.diff(smooth, axis=2, append=smooth[:, :, -1:])
    along_y = np.diff(smooth, axis=1, append=smooth[:, -1:])
    return np.concatenate([1.5 * images, 6 * along_x, 6 * along_y], axis=-1)


@pytest.mark.parametrize("channels", [1, 3])
def test_structure_compares_tones_and_smooth_edges(channels):
    synthetic, refined = RANDOM.uniform(-1, 1, (2, 2, 7, 9, channels))
    expected = np.abs(numpy_structure(refined) - numpy_structure(synthetic)).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(regularisation(synthetic, refined, "structure"), expected, rtol=1e-5)


def test_structure_lets_a_tone_change_cheaply_and_makes_an_edge_that_moves_dear():
    synthetic = np.zeros((1, 8, 16, 1))
    synthetic[:, :, 8:] = 1
    tone = regularisation(synthetic, synthetic + 0.2, "structure")
    assert tone == pytest.approx([0.1], rel=1e-5)  # 3/2 of 0.2, in one of three maps
    moved = np.roll(synthetic, 1, axis=2)
    moved[:, :, 0] = 0
    assert np.abs(moved - synthetic).mean() == pytest.approx(1 / 16)
    # An edge is (1, 4, 6, 4, 1) / 16 in d/dx; moved by a pixel that changes by 2 * 6 / 16. (1.5 + 6 * 0.75) / 3 = 2.
    assert regularisation(synthetic, moved, "structure") == pytest.approx([2 / 16], rel=1e-5)


def test_callable_is_applied_to_both_images():
    synthetic, refined = RANDOM.normal(size=(2, 2, 3, 4, 1))
    doubled = regularisation(synthetic, refined, lambda images: 2 * images + 7)
    np.testing.assert_allclose(doubled, 2 * np.abs(refined - synthetic).mean(axis=(1, 2, 3)), rtol=1e-5)


def test_unknown_psi_is_one_line_that_names_it(only_line):
    with pytest.raises(ConfigError) as caught:
        regularisation(np.zeros((1, 2, 2, 1)), np.zeros((1, 2, 2, 1)), "vgg")
    message = only_line(str(caught.value))
    assert "psi" in message
    assert "'vgg'" in message


def test_neither_batch_nor_image_size_moves_self_regularisation():
    synthetic, refined = RANDOM.normal(size=(2, 1, 3, 4, 2))
    one = regularisation(synthetic, refined)[0]
    larger = [np.tile(image, (5, 2, 3, 1)) for image in (synthetic, refined)]
    np.testing.assert_allclose(regularisation(*larger), np.full(5, one), rtol=1e-5)


def test_each_image_has_its_own_self_regularisation():
    synthetic, refined = np.zeros((3, 2, 2, 1)), np.ones((3, 2, 2, 1)) * [[[[1]]], [[[2]]], [[[3]]]]
    assert regularisation(synthetic, refined) == pytest.approx([1, 2, 3])


def gradient_of_regularisation(synthetic: np.ndarray, refined: np.ndarray, psi) -> np.ndarray:
    leaf = torch.tensor(refined, dtype=torch.float32, requires_grad=True)
    self_regularisation_loss(tensor(synthetic).cpu(), leaf, psi).sum().backward()
    return leaf.grad.numpy()


def test_identity_gradient_is_the_sign_over_the_values():
    synthetic, refined = RANDOM.normal(size=(2, 1, 3, 4, 1))
    expected = np.sign(refined - synthetic) / 12
    np.testing.assert_allclose(gradient_of_regularisation(synthetic, refined, "identity"), expected, rtol=1e-5)


def numpy_psi(psi: str, images: np.ndarray) -> np.ndarray:
    if psi == "channel_mean":
        return images.mean(axis=-1)
    if psi == "structure":
        return numpy_structure(images)
    along_x, along_y = np.diff(images, axis=2)[:, :-1], np.diff(images, axis=1)[:, :, :-1]
    return np.stack([along_x, along_y])


@pytest.mark.parametrize("psi", ["channel_mean", "gradient", "structure"])
def test_gradient_is_the_finite_difference(psi):
    synthetic, refined = RANDOM.normal(size=(2, 1, 3, 3, 2))

    def loss(image: np.ndarray) -> float:
        return float(np.abs(numpy_psi(psi, image) - numpy_psi(psi, synthetic)).mean())

    expected = np.zeros_like(refined)
    for place in np.ndindex(refined.shape):
        step = np.zeros_like(refined)
        step[place] = 1e-6
        expected[place] = (loss(refined + step) - loss(refined - step)) / 2e-6
    np.testing.assert_allclose(gradient_of_regularisation(synthetic, refined, psi), expected, atol=1e-5)


def test_the_sums_of_the_paper_follow_by_the_documented_conversion():
    patches, shape, paper_lambda = 6, (4, 5, 3), 0.01
    logits = RANDOM.normal(size=(1, patches, 2)).astype(np.float32)
    labels = np.array([[REAL] * patches])
    synthetic, refined = RANDOM.normal(size=(2, 1, *shape))
    paper = numpy_cross_entropy(labels, logits).sum() + paper_lambda * np.abs(refined - synthetic).sum()
    weight = paper_lambda * math.prod(shape) / patches
    ours = adversarial(labels, logits) + weight * regularisation(synthetic, refined)
    assert patches * ours == pytest.approx([paper], rel=1e-5)


@pytest.mark.parametrize("loss", [local_adversarial_loss, self_regularisation_loss])
def test_saved_models_find_the_loss_by_name(loss):
    assert keras.saving.get_registered_object(f"simgan>{loss.__name__}") is loss


@pytest.mark.parametrize(
    ("psi", "shape"),
    [
        ("identity", (2, 4, 5, 3)),
        ("channel_mean", (2, 4, 5, 1)),
        ("gradient", (2, 3, 4, 6)),
        ("structure", (2, 4, 5, 9)),
    ],
)
def test_shapes_of_the_features(psi, shape):
    assert tuple(features(psi, tensor(np.zeros((2, 4, 5, 3), np.float32))).shape) == shape
