from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import torch
from keras import ops

from simgan.engine import TorchEngine, dtype_policy
from simgan.errors import EngineError
from simgan.models import refiner_model

RANDOM = np.random.default_rng(0)


class Losses(NamedTuple):
    total: Any
    absolute: Any


def linear_model() -> keras.Model:
    images = keras.Input((3,))
    model = keras.Model(images, keras.layers.Dense(1, name="dense")(images))
    model.set_weights([np.array([[0.5], [-1.0], [2.0]], np.float32), np.array([0.1], np.float32)])
    return model


def loss_of(model):
    def loss(x, target):
        error = model(x, training=True) - target
        return Losses(ops.mean(error**2), ops.mean(ops.abs(error)))

    return loss


def built(optimiser, model):
    optimiser.build(model.trainable_variables)
    return optimiser


@pytest.fixture
def batch():
    return RANDOM.normal(size=(7, 3)).astype(np.float32), RANDOM.normal(size=(7, 1)).astype(np.float32)


@pytest.mark.parametrize("micro_batch", [1, 3, 7, 100])
def test_update_is_the_whole_batch_s_worked_out_by_hand(micro_batch, batch):
    """Linear regression: gradient 2 X^T (X w + b - t) / N, in float64."""
    model, (x, target) = linear_model(), batch
    weights, bias = (array.astype(np.float64) for array in model.get_weights())
    optimiser = built(keras.optimizers.SGD(0.1), model)
    for _ in range(2):
        error = x @ weights + bias - target
        losses = TorchEngine(micro_batch).minimise(loss_of(model), model.trainable_variables, optimiser, x, target)
        assert isinstance(losses, Losses)
        assert float(losses.total) == pytest.approx((error**2).mean(), rel=1e-5)  # before the update
        assert float(losses.absolute) == pytest.approx(np.abs(error).mean(), rel=1e-5)
        weights, bias = weights - 0.2 * x.T @ error / 7, bias - 0.2 * error.mean(axis=0)
        np.testing.assert_allclose(model.get_weights()[0], weights, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(model.get_weights()[1], bias, rtol=1e-5, atol=1e-6)


def updated_refiner(micro_batch: int, dtype: str = "float32") -> tuple[np.ndarray, np.ndarray]:
    """All weights of a tiny refiner, before and after one update, end to end."""
    keras.utils.set_random_seed(1)
    model = refiner_model(None, None, filters=3, blocks=1, dtype=dtype)
    random = np.random.default_rng(2)
    x, target = random.uniform(-1, 1, (2, 7, 8, 9, 1)).astype(np.float32)
    before = np.concatenate([array.ravel() for array in model.get_weights()])
    optimiser = built(keras.optimizers.SGD(0.5), model)
    TorchEngine(micro_batch).minimise(loss_of(model), model.trainable_variables, optimiser, x, target)
    return before, np.concatenate([array.ravel() for array in model.get_weights()])


def test_micro_batches_of_a_network_add_up_to_the_whole_batch():
    before, whole = updated_refiner(7)
    _, in_parts = updated_refiner(3)
    assert np.abs(whole - before).max() > 1e-2
    np.testing.assert_allclose(in_parts, whole, atol=1e-6)


def test_bfloat16_update_is_near_that_of_float32():
    before, exact = updated_refiner(7)
    _, coarse = updated_refiner(3, "mixed_bfloat16")
    difference = np.linalg.norm(coarse - exact) / np.linalg.norm(exact - before)
    assert 0 < difference < 0.05


def test_adam_sees_the_gradient_of_the_whole_batch_once(batch):
    model, (x, target) = linear_model(), batch
    weights = torch.tensor(model.get_weights()[0], requires_grad=True)
    bias = torch.tensor(model.get_weights()[1], requires_grad=True)
    own = torch.optim.Adam([weights, bias], lr=0.01, betas=(0.5, 0.999), eps=1e-7)
    optimiser = built(keras.optimizers.Adam(0.01, beta_1=0.5), model)
    for _ in range(3):
        own.zero_grad()
        ((torch.tensor(x) @ weights + bias - torch.tensor(target)) ** 2).mean().backward()
        own.step()
        TorchEngine(2).minimise(loss_of(model), model.trainable_variables, optimiser, x, target)
    np.testing.assert_allclose(model.get_weights()[0], weights.detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(model.get_weights()[1], bias.detach().numpy(), atol=1e-5)


def test_only_the_named_variables_change(batch):
    model, (x, target) = linear_model(), batch
    weights, bias = model.get_weights()
    optimiser = keras.optimizers.SGD(0.1)
    optimiser.build([model.layers[-1].bias])
    TorchEngine(3).minimise(loss_of(model), [model.layers[-1].bias], optimiser, x, target)
    np.testing.assert_array_equal(model.get_weights()[0], weights)
    assert model.get_weights()[1] != pytest.approx(bias, abs=1e-3)


@pytest.mark.parametrize("micro_batch", [2, 5, 64])
def test_infer_is_the_model(micro_batch):
    model = refiner_model(None, None, filters=3, blocks=1)
    x = RANDOM.uniform(-1, 1, (5, 6, 7, 1)).astype(np.float32)
    inferred = TorchEngine(micro_batch).infer(model, x)
    assert isinstance(inferred, np.ndarray)
    assert inferred.dtype == np.float32
    np.testing.assert_allclose(inferred, ops.convert_to_numpy(model(x)), atol=1e-6)


def test_infer_takes_views_that_are_not_contiguous():
    model = refiner_model(None, None, filters=3, blocks=1)
    x = RANDOM.uniform(-1, 1, (5, 6, 7, 1)).astype(np.float32)
    np.testing.assert_allclose(
        TorchEngine(8).infer(model, x[:, ::-1]), TorchEngine(8).infer(model, x[:, ::-1].copy()), atol=1e-6
    )


@pytest.mark.parametrize(("decay", "expected"), [(0.0, 3.0), (0.75, 1.5), (1.0, 1.0)])
def test_average_moves_towards_the_variables(decay, expected):
    into, variable = keras.Variable(np.full(2, 1.0, np.float32)), keras.Variable(np.full(2, 3.0, np.float32))
    TorchEngine(1).average([into], [variable], decay)
    np.testing.assert_allclose(ops.convert_to_numpy(into), [expected] * 2, rtol=1e-6)
    np.testing.assert_array_equal(ops.convert_to_numpy(variable), [3.0, 3.0])


def test_another_backend_is_refused_in_one_line(monkeypatch, only_line):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(EngineError) as caught:
        TorchEngine(1)
    message = only_line(str(caught.value))
    assert "jax" in message
    assert "KERAS_BACKEND=torch" in message


def test_precision_names_the_dtype_policy():
    assert dtype_policy("float32") == "float32"
    assert dtype_policy("bfloat16") == "mixed_bfloat16"
    assert dtype_policy("auto") in ("float32", "mixed_bfloat16")
