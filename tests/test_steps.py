from __future__ import annotations

import math

import keras
import numpy as np
import pytest

from simgan.engine import TorchEngine
from simgan.steps import average_refiner, new_state, update_discriminator, update_refiner

RANDOM = np.random.default_rng(0)
SURE = math.log1p(math.exp(-10))  # cross-entropy of the right class with logits 10 apart; of the wrong one: 10 more


def batch(count: int = 4) -> np.ndarray:
    return RANDOM.uniform(-1, 1, (count, 8, 9, 1)).astype(np.float32)


@pytest.fixture
def engine():
    return TorchEngine(3)


@pytest.fixture
def make_state(tiny_config):
    def make(**changes):
        config = tiny_config(**changes)
        return new_state(config, (8, 9), 1), config

    return make


def all_weights(model: keras.Model) -> np.ndarray:
    return np.concatenate([array.ravel() for array in model.get_weights()])


def always(discriminator: keras.Model, *, real: float, refined: float) -> None:
    """Makes D give these logits for every patch."""
    *others, bias = discriminator.get_weights()
    assert bias.shape == (2,)
    discriminator.set_weights([*(np.zeros_like(array) for array in others), np.array([real, refined], np.float32)])


@pytest.mark.parametrize(
    ("real", "refined", "expected"), [(5, -5, SURE), (-5, 5, 10 + SURE), (0, 0, math.log(2))], ids=str
)
def test_refiner_is_rewarded_when_its_images_are_taken_for_real(real, refined, expected, engine, make_state):
    state, config = make_state()
    always(state.discriminator, real=real, refined=refined)
    assert float(update_refiner(engine, state, config, batch()).adversarial) == pytest.approx(expected, abs=1e-6)


def test_update_of_r_makes_d_take_its_images_for_real_more(engine, make_state):
    state, config = make_state(
        self_regularisation=0.0, refiner_optimiser={"name": "sgd", "learning_rate": 0.5}, seed=3
    )
    x = batch()
    logits = state.discriminator.predict_on_batch(state.refiner.predict_on_batch(x))
    update_refiner(engine, state, config, x)
    now = state.discriminator.predict_on_batch(state.refiner.predict_on_batch(x))
    assert (now[..., 0] - now[..., 1]).mean() > (logits[..., 0] - logits[..., 1]).mean() + 1e-5


@pytest.mark.parametrize("psi", ["identity", "gradient"])
def test_refiner_losses_are_those_of_the_paper_before_the_update(psi, engine, make_state):
    state, config = make_state(self_regularisation=0.5, psi=psi)
    always(state.discriminator, real=0, refined=1)
    x = batch(5)
    change = state.refiner.predict_on_batch(x) - x
    expected = np.abs(change).mean()
    if psi == "gradient":
        expected = np.mean([np.abs(np.diff(change, axis=2)[:, :-1]), np.abs(np.diff(change, axis=1)[:, :, :-1])])
    losses = update_refiner(engine, state, config, x)
    assert float(losses.adversarial) == pytest.approx(math.log1p(math.e), rel=1e-5)
    assert float(losses.self_regularisation) == pytest.approx(expected, rel=1e-4)
    assert float(losses.change) == pytest.approx(np.abs(change).mean(), rel=1e-4)
    assert float(losses.total) == pytest.approx(math.log1p(math.e) + 0.5 * expected, rel=1e-4)


def test_pre_training_of_r_ignores_d_altogether(engine, make_state):
    state, config = make_state(self_regularisation=0.0)
    state.discriminator.set_weights([np.full_like(array, np.nan) for array in state.discriminator.get_weights()])
    x, before = batch(), all_weights(state.refiner)
    expected = np.abs(state.refiner.predict_on_batch(x) - x).mean()
    losses = update_refiner(engine, state, config, x, adversarial=False)
    assert float(losses.total) == float(losses.self_regularisation) == pytest.approx(expected, rel=1e-4)
    assert float(losses.adversarial) == 0
    assert np.isfinite(all_weights(state.refiner)).all()
    assert (all_weights(state.refiner) != before).any()


def test_discriminator_losses_and_accuracies_by_hand(engine, make_state):
    state, _ = make_state()
    always(state.discriminator, real=5, refined=-5)
    losses = update_discriminator(engine, state, refined=batch(), real=batch())
    assert float(losses.total) == pytest.approx((10 + SURE) + SURE, rel=1e-5)
    assert float(losses.real_accuracy) == 1
    assert float(losses.refined_accuracy) == 0


def test_discriminator_learns_which_images_are_refined(engine, make_state):
    state, _ = make_state(discriminator_optimiser={"name": "adam", "learning_rate": 0.01})
    bright, dark = np.full((4, 8, 9, 1), 0.7, np.float32), np.full((4, 8, 9, 1), -0.7, np.float32)
    for _ in range(30):
        losses = update_discriminator(engine, state, refined=bright, real=dark)
    assert (float(losses.refined_accuracy), float(losses.real_accuracy)) == (1, 1)
    logits = state.discriminator.predict_on_batch(np.concatenate([bright, dark]))
    assert (logits[:4, :, 1] > logits[:4, :, 0]).all()  # column 1: refined
    assert (logits[4:, :, 0] > logits[4:, :, 1]).all()  # column 0: real


@pytest.mark.parametrize("adversarial", [True, False])
def test_update_of_r_changes_r_alone(adversarial, engine, make_state):
    state, config = make_state()
    models = (state.refiner, state.averaged_refiner, state.discriminator)
    before = [all_weights(model) for model in models]
    update_refiner(engine, state, config, batch(), adversarial=adversarial)
    changed = [(all_weights(model) != old).any() for model, old in zip(models, before, strict=True)]
    assert changed == [True, False, False]
    assert len(state.history) == 0


def test_update_of_d_changes_d_alone(engine, make_state):
    state, _ = make_state()
    models = (state.refiner, state.averaged_refiner, state.discriminator)
    before = [all_weights(model) for model in models]
    update_discriminator(engine, state, batch(), batch())
    changed = [(all_weights(model) != old).any() for model, old in zip(models, before, strict=True)]
    assert changed == [False, False, True]
    assert len(state.history) == 0


@pytest.mark.parametrize(
    ("decay", "updates", "kept"),
    [
        (0.0, 500, 0.0),  # no average: R as it is
        (0.999, 0, 0.0),  # nothing to average yet
        (0.999, 10, 0.5),  # 10 / (10 + 10)
        (0.75, 90, 0.75),  # 90 / 100 is more than the decay
    ],
)
def test_average_keeps_more_the_longer_it_runs(decay, updates, kept, engine, make_state):
    state, _ = make_state()
    old, new = all_weights(state.averaged_refiner), all_weights(state.refiner)
    assert np.abs(old - new).max() > 0.01
    average_refiner(engine, state, decay, updates)
    np.testing.assert_allclose(all_weights(state.averaged_refiner), kept * old + (1 - kept) * new, atol=1e-6)
    np.testing.assert_array_equal(all_weights(state.refiner), new)


def test_new_state_is_what_the_config_says(make_state):
    state, _ = make_state(
        refiner_optimiser={"name": "adam", "learning_rate": 0.25, "beta_1": 0.75},
        discriminator_optimiser={"name": "sgd", "learning_rate": 0.125},
        history_size=11,
    )
    assert isinstance(state.refiner_optimiser, keras.optimizers.Adam)
    assert (float(state.refiner_optimiser.learning_rate), state.refiner_optimiser.beta_1) == (0.25, 0.75)
    assert isinstance(state.discriminator_optimiser, keras.optimizers.SGD)
    assert float(state.discriminator_optimiser.learning_rate) == 0.125
    assert (state.history.capacity, len(state.history)) == (11, 0)
    assert state.discriminator.input_shape == (None, 8, 9, 1)
    # C3-4, two C3-4, C1-1; 40 + 2 * 148 + 5
    assert state.refiner.count_params() == state.averaged_refiner.count_params() == 341


def test_seed_names_all_weights(make_state):
    def weights(seed: int) -> np.ndarray:
        state, _ = make_state(seed=seed)
        return np.concatenate([all_weights(state.refiner), all_weights(state.discriminator)])

    np.testing.assert_array_equal(weights(5), weights(5))
    assert np.abs(weights(5) - weights(6)).max() > 0.01


def test_bfloat16_trains_float32_weights_to_nearly_the_same(engine, make_state):
    x, y = batch(), batch()
    results = []
    for precision in ("float32", "bfloat16"):
        state, config = make_state(precision=precision)
        refiner_losses = update_refiner(engine, state, config, x)
        discriminator_losses = update_discriminator(engine, state, x, y)
        assert {weight.dtype for weight in state.refiner.weights} == {"float32"}
        results.append([float(refiner_losses.total), float(discriminator_losses.total)])
    assert results[1] == pytest.approx(results[0], rel=0.02)
