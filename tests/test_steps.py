from __future__ import annotations

import math

import keras
import numpy as np
import pytest

from simgan.engine import TorchEngine
from simgan.errors import ConfigError
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
    state, config = make_state()
    always(state.discriminator, real=5, refined=-5)
    losses = update_discriminator(engine, state, config, refined=batch(), real=batch())
    assert float(losses.total) == pytest.approx((10 + SURE) + SURE, rel=1e-5)
    assert float(losses.real_accuracy) == 1
    assert float(losses.refined_accuracy) == 0


def test_discriminator_learns_which_images_are_refined(engine, make_state):
    state, config = make_state(discriminator_optimiser={"name": "adam", "learning_rate": 0.01})
    bright, dark = np.full((4, 8, 9, 1), 0.7, np.float32), np.full((4, 8, 9, 1), -0.7, np.float32)
    for _ in range(30):
        losses = update_discriminator(engine, state, config, refined=bright, real=dark)
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
    state, config = make_state()
    models = (state.refiner, state.averaged_refiner, state.discriminator)
    before = [all_weights(model) for model in models]
    update_discriminator(engine, state, config, batch(), batch())
    changed = [(all_weights(model) != old).any() for model, old in zip(models, before, strict=True)]
    assert changed == [False, False, True]
    assert len(state.history) == 0


@pytest.mark.parametrize(
    ("decay", "updates", "kept"),
    [
        (0.0, 500, 0.0),  # no average: R as it is
        (0.999, 0, 0.1),  # 1 / 10
        (0.999, 8, 0.5),  # 9 / 18
        (0.75, 90, 0.75),  # 91 / 100 is more than the decay
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
        discriminator_losses = update_discriminator(engine, state, config, x, y)
        assert {weight.dtype for weight in state.refiner.weights} == {"float32"}
        results.append([float(refiner_losses.total), float(discriminator_losses.total)])
    assert results[1] == pytest.approx(results[0], rel=0.02)


# --- The window of D --------------------------------------------------------------------------------------------


class WatchedDiscriminator:
    """D, and the images that it was given."""

    def __init__(self, model: keras.Model):
        self.model, self.trainable_variables = model, model.trainable_variables
        self.seen: list[np.ndarray] = []

    def __call__(self, images, training):
        self.seen.append(keras.ops.convert_to_numpy(images))
        return self.model(images, training=training)


def places(count: int) -> np.ndarray:
    """Images 8x9 whose pixels say where they are: 0.1 y + 0.01 x."""
    y, x = np.mgrid[:8, :9]
    return np.tile((0.1 * y + 0.01 * x).astype(np.float32)[None, :, :, None], (count, 1, 1, 1))


def test_d_without_jitter_sees_the_whole_image(engine, make_state):
    state, config = make_state(jitter=0)
    state.discriminator = WatchedDiscriminator(state.discriminator)
    update_discriminator(engine, state, config, places(4), places(4))
    for images in state.discriminator.seen:
        np.testing.assert_array_equal(images, places(len(images)))


def test_d_sees_refined_and_real_images_through_one_window_that_moves_at_random(engine, make_state):
    state, config = make_state(jitter=1)
    assert state.discriminator.input_shape == (None, 6, 7, 1)
    state.discriminator = WatchedDiscriminator(state.discriminator)
    corners = []
    for _ in range(60):
        state.discriminator.seen.clear()
        update_discriminator(engine, state, config, places(4), places(4))
        seen = state.discriminator.seen
        assert len(seen) == 4  # two micro-batches of each kind
        top, left = divmod(round(float(seen[0][0, 0, 0, 0]) * 100), 10)
        for images in seen:
            np.testing.assert_array_equal(images, places(len(images))[:, top : top + 6, left : left + 7])
        corners.append((top, left))
    assert set(corners) == {(top, left) for top in range(3) for left in range(3)}
    assert corners != sorted(corners)


def test_r_is_judged_through_a_window_and_regularised_on_the_whole_image(engine, make_state):
    state, config = make_state(jitter=2)
    watched = WatchedDiscriminator(state.discriminator)
    state.discriminator = watched
    x = places(4)
    refined = state.refiner.predict_on_batch(x)
    losses = update_refiner(engine, state, config, x)
    assert float(losses.self_regularisation) == pytest.approx(np.abs(refined - x).mean(), rel=1e-4)
    seen = np.concatenate(watched.seen)
    windows = [refined[:, top : top + 4, left : left + 5] for top in range(5) for left in range(5)]
    assert sum(np.allclose(seen, window, atol=1e-6) for window in windows) == 1


def test_window_that_leaves_nothing_is_one_line(make_state, only_line):
    with pytest.raises(ConfigError) as caught:
        make_state(jitter=4)
    assert "jitter" in only_line(str(caught.value))
