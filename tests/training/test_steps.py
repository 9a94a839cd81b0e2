from __future__ import annotations

import math
from typing import NamedTuple

import keras
import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from simgan.engines.automatic import open_engine
from simgan.errors import ConfigError
from simgan.settings.config import TrainConfig
from simgan.training.state import TrainState, new_state
from simgan.training.steps import Steps

RANDOM = np.random.default_rng(0)
WEIGHT = 1.0  # of self-regularisation, where a test is about something else
SURE = math.log1p(math.exp(-10))  # cross-entropy of the right class with logits 10 apart; of the wrong one: 10 more


class Training(NamedTuple):
    steps: Steps
    state: TrainState
    config: TrainConfig


def batch(count: int = 4) -> torch.Tensor:
    return torch.from_numpy(RANDOM.uniform(-1, 1, (count, 8, 9, 1)).astype(np.float32))


@pytest.fixture
def start(tiny_config):
    """A fresh training. `through`: an R in place of the state's, say one that changes nothing."""

    def make(through=None, watch=False, micro_batch=3, **changes):
        config, engine = tiny_config(**changes), open_engine(micro_batch=micro_batch, compiled=False)
        state = new_state(engine, config, (8, 9), 1)
        if through is not None:
            own = engine.network
            engine.network = lambda model, small=False: own(model, small=True) if small else through
        if watch:
            state.discriminator = WatchedDiscriminator(state.discriminator)
        return Training(Steps(engine, state, config), state, config)

    return make


def unchanged(images):
    return images


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
def test_refiner_is_rewarded_when_its_images_are_taken_for_real(real, refined, expected, start):
    steps, state, _ = start()
    always(state.discriminator, real=real, refined=refined)
    assert float(steps.update_refiner(batch(), WEIGHT).adversarial) == pytest.approx(expected, abs=1e-6)


def test_update_of_r_makes_d_take_its_images_for_real_more(start):
    steps, state, _ = start(refiner_optimiser={"name": "sgd", "learning_rate": 0.5}, seed=3)
    x = batch()
    logits = state.discriminator.predict_on_batch(state.refiner.predict_on_batch(x))
    steps.update_refiner(x, weight=0.0)
    now = state.discriminator.predict_on_batch(state.refiner.predict_on_batch(x))
    assert (now[..., 0] - now[..., 1]).mean() > (logits[..., 0] - logits[..., 1]).mean() + 1e-5


def mean_of_psi(psi: str, change: np.ndarray) -> float:
    """Mean |psi(change)|; psi: the change itself, or its differences to the right and downwards."""
    if psi == "gradient":
        return float(np.mean([np.abs(np.diff(change, axis=2)[:, :-1]), np.abs(np.diff(change, axis=1)[:, :, :-1])]))
    return float(np.abs(change).mean())


@pytest.mark.parametrize("psi", ["identity", "gradient"])
def test_refiner_losses_are_those_of_the_paper_before_the_update(psi, start):
    steps, state, _ = start(psi=psi)
    always(state.discriminator, real=0, refined=1)
    x = batch(5)
    change = state.refiner.predict_on_batch(x) - x.numpy()
    expected = mean_of_psi(psi, change)
    losses = steps.update_refiner(x, weight=0.5)
    assert float(losses.adversarial) == pytest.approx(math.log1p(math.e), rel=1e-5)
    assert float(losses.self_regularisation) == pytest.approx(expected, rel=1e-4)
    assert float(losses.change) == pytest.approx(np.abs(change).mean(), rel=1e-4)
    assert float(losses.total) == pytest.approx(math.log1p(math.e) + 0.5 * expected, rel=1e-4)
    assert losses.total.dtype == torch.float32


@pytest.mark.parametrize("psi", ["identity", "gradient"])
def test_pre_training_of_r_ignores_d_altogether(psi, start):
    steps, state, _ = start(psi=psi)
    state.discriminator.set_weights([np.full_like(array, np.nan) for array in state.discriminator.get_weights()])
    x, before = batch(), all_weights(state.refiner)
    change = state.refiner.predict_on_batch(x) - x.numpy()
    losses = steps.pretrain_refiner(x)
    assert (
        float(losses.total) == float(losses.self_regularisation) == pytest.approx(mean_of_psi(psi, change), rel=1e-4)
    )
    assert float(losses.change) == pytest.approx(np.abs(change).mean(), rel=1e-4)
    assert float(losses.adversarial) == 0
    assert np.isfinite(all_weights(state.refiner)).all()
    assert (all_weights(state.refiner) != before).any()


def test_discriminator_losses_and_accuracies_by_hand(start):
    steps, state, _ = start()
    always(state.discriminator, real=5, refined=-5)
    losses, _ = steps.update_discriminator(batch(), batch())
    assert float(losses.total) == pytest.approx((10 + SURE) + SURE, rel=1e-5)
    assert float(losses.real_accuracy) == 1
    assert float(losses.refined_accuracy) == 0


@pytest.mark.parametrize("update", [("pretrain_refiner",), ("update_refiner", WEIGHT)], ids=lambda update: update[0])
def test_change_and_brightening_are_of_the_refined_image_less_the_synthetic_one(update, start):
    """R gives tanh(b) = -0.25 everywhere: half of the images become darker by 0.75, half brighter by 0.25."""
    steps, state, _ = start()
    *others, bias = state.refiner.get_weights()
    state.refiner.set_weights([*(np.zeros_like(array) for array in others), np.full_like(bias, math.atanh(-0.25))])
    name, *weight = update
    x = torch.cat([torch.full((2, 8, 9, 1), 0.5), torch.full((2, 8, 9, 1), -0.5)])
    losses = getattr(steps, name)(x, *weight)
    assert float(losses.change) == pytest.approx((0.75 + 0.25) / 2, abs=1e-6)
    assert float(losses.brightening) == pytest.approx((-0.75 + 0.25) / 2, abs=1e-6)


def test_the_gap_of_intensity_is_that_of_refined_less_real_images(start):
    steps, *_ = start(unchanged)
    losses, _ = steps.update_discriminator(torch.full((4, 8, 9, 1), 0.5), torch.full((4, 8, 9, 1), -0.25))
    assert float(losses.intensity_gap) == pytest.approx(0.75)


def test_the_variance_of_logits_is_that_within_pairs_of_a_refined_and_a_real_image(start):
    steps, state, _ = start(unchanged)
    x, y = batch(5), batch(5)
    on_refined, on_real = (state.discriminator.predict_on_batch(images.numpy())[..., 0] for images in (x, y))
    expected = np.mean([np.var([*a, *b]) for a, b in zip(on_refined, on_real, strict=True)])
    losses, _ = steps.update_discriminator(x, y)
    assert expected > 1e-6
    assert float(losses.logit_variance) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("logit", [0.0, 7.3, -123.4])
def test_a_constant_d_has_no_variance_however_large_its_logits_are(logit, start):
    steps, state, _ = start()
    always(state.discriminator, real=logit, refined=-logit)
    losses, _ = steps.update_discriminator(batch(), batch())
    assert float(losses.logit_variance) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("micro_batch", [1, 2, 3])
def test_no_loss_depends_on_the_micro_batch(micro_batch, start):
    """Each field is a mean over the images."""
    x, y = batch(5), batch(5)
    whole, parts = start(micro_batch=5)[0], start(micro_batch=micro_batch)[0]
    for update in (
        lambda steps: steps.pretrain_refiner(x),
        lambda steps: steps.update_refiner(x, WEIGHT),
        lambda steps: steps.update_discriminator(x, y)[0],
    ):
        expected = {name: float(value) for name, value in update(whole)._asdict().items()}
        assert {name: float(value) for name, value in update(parts)._asdict().items()} == pytest.approx(
            expected, rel=1e-4, abs=1e-6
        )


def test_accuracies_are_shares_of_patches(start):
    """D has learnt that bright is refined and dark is real; three of four images are bright."""
    steps, *_ = start(unchanged, discriminator_optimiser={"name": "adam", "learning_rate": 0.01})
    bright, dark = torch.full((4, 8, 9, 1), 0.7), torch.full((4, 8, 9, 1), -0.7)
    for _ in range(30):
        steps.update_discriminator(bright, dark)
    mixed = torch.cat([bright[:3], dark[:1]])
    losses, _ = steps.update_discriminator(mixed, mixed)
    assert (float(losses.refined_accuracy), float(losses.real_accuracy)) == pytest.approx((0.75, 0.25))


def test_discriminator_learns_which_images_are_refined(start):
    steps, state, _ = start(unchanged, discriminator_optimiser={"name": "adam", "learning_rate": 0.01})
    bright, dark = np.full((4, 8, 9, 1), 0.7, np.float32), np.full((4, 8, 9, 1), -0.7, np.float32)
    for _ in range(30):
        losses, _ = steps.update_discriminator(torch.tensor(bright), torch.tensor(dark))
    assert (float(losses.refined_accuracy), float(losses.real_accuracy)) == (1, 1)
    logits = state.discriminator.predict_on_batch(np.concatenate([bright, dark]))
    assert (logits[:4, :, 1] > logits[:4, :, 0]).all()  # column 1: refined
    assert (logits[4:, :, 0] > logits[4:, :, 1]).all()  # column 0: real


@pytest.mark.parametrize(("update", "weight"), [("pretrain_refiner", ()), ("update_refiner", (WEIGHT,))])
def test_update_of_r_changes_r_alone(update, weight, start):
    steps, state, _ = start()
    models = (state.refiner, state.averaged_refiner, state.discriminator)
    before = [all_weights(model) for model in models]
    getattr(steps, update)(batch(), *weight)
    changed = [(all_weights(model) != old).any() for model, old in zip(models, before, strict=True)]
    assert changed == [True, False, False]
    assert len(state.history) == 0


def test_update_of_d_changes_d_alone(start):
    steps, state, _ = start()
    models = (state.refiner, state.averaged_refiner, state.discriminator)
    before = [all_weights(model) for model in models]
    steps.update_discriminator(batch(), batch())
    changed = [(all_weights(model) != old).any() for model, old in zip(models, before, strict=True)]
    assert changed == [False, False, True]
    assert len(state.history) == 0


@pytest.mark.parametrize(("count", "held", "old"), [(4, 0, 0), (4, 1, 1), (4, 6, 2), (5, 6, 2)])
def test_d_gets_new_images_of_r_and_as_many_of_the_history_as_it_has_up_to_half(count, held, old, start):
    steps, state, _ = start(watch=True)
    kept = torch.arange(2.0, 2 + held)[:, None, None, None].expand(held, 8, 9, 1)  # beyond what R can give
    state.history.add(kept)
    x, y = batch(count), batch(count)
    refined = state.refiner.predict_on_batch(x)
    _, fresh = steps.update_discriminator(x, y)
    seen = state.discriminator.seen  # a micro-batch of refined images, one of real ones, and so on
    of_refined, of_real = np.concatenate(seen[::2]), np.concatenate(seen[1::2])
    np.testing.assert_allclose(of_refined[: count - old], refined[: count - old], atol=1e-6)
    drawn = of_refined[count - old :, 0, 0, 0].tolist()
    assert len(set(drawn)) == old
    assert set(drawn) <= set(range(2, 2 + held))
    np.testing.assert_array_equal(of_real, y)
    np.testing.assert_allclose(fresh, refined[: count // 2], atol=1e-6)
    assert not fresh.requires_grad


@pytest.mark.parametrize(
    ("decay", "updates", "kept"),
    [
        (0.0, 500, 0.0),  # no average: R as it is
        (0.999, 0, 0.1),  # 1 / 10
        (0.999, 8, 0.5),  # 9 / 18
        (0.75, 90, 0.75),  # 91 / 100 is more than the decay
    ],
)
def test_average_keeps_more_the_longer_it_runs(decay, updates, kept, start):
    steps, state, _ = start()
    state.averaged_refiner.set_weights([array + 0.25 for array in state.refiner.get_weights()])
    old, new = all_weights(state.averaged_refiner), all_weights(state.refiner)
    steps.average_refiner(decay, updates)
    np.testing.assert_allclose(all_weights(state.averaged_refiner), kept * old + (1 - kept) * new, atol=1e-6)
    np.testing.assert_array_equal(all_weights(state.refiner), new)


def test_the_average_begins_as_r_itself(start):
    _, state, _ = start()
    np.testing.assert_array_equal(all_weights(state.averaged_refiner), all_weights(state.refiner))


def test_a_drift_budget_is_held_against_the_averaged_refiner_which_is_the_one_that_is_saved(tiny_config):
    asked = []
    config = tiny_config(drift_budget=0.5, self_regularisation=2.0)
    engine = open_engine(micro_batch=3, compiled=False)
    state = new_state(engine, config, (8, 9), 1, lambda refiner: asked.append(refiner) or 0.75)
    assert state.weight(10) == pytest.approx(2.0 * math.exp(0.2 * 0.5))  # half too much
    assert len(asked) == 1
    assert asked[0] is state.averaged_refiner


def test_new_state_is_what_the_config_says(start):
    _, state, _ = start(
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


def test_seed_names_all_weights(start):
    def weights(seed: int) -> np.ndarray:
        _, state, _ = start(seed=seed)
        return np.concatenate([all_weights(state.refiner), all_weights(state.discriminator)])

    np.testing.assert_array_equal(weights(5), weights(5))
    assert np.abs(weights(5) - weights(6)).max() > 0.01


def test_bfloat16_trains_float32_weights_to_nearly_the_same(start):
    x, y = batch(), batch()
    results = []
    for precision in ("float32", "bfloat16"):
        steps, state, _ = start(precision=precision)
        refiner_losses = steps.update_refiner(x, WEIGHT)
        discriminator_losses, fresh = steps.update_discriminator(x, y)
        assert {weight.dtype for weight in state.refiner.weights} == {"float32"}
        assert fresh.dtype == torch.float32
        results.append([float(refiner_losses.total), float(discriminator_losses.total)])
    assert results[1] == pytest.approx(results[0], rel=0.02)
    assert results[1] != results[0]


# --- The window of D --------------------------------------------------------------------------------------------


class WatchedDiscriminator:
    """D, and the images that it was given."""

    def __init__(self, model: keras.Model):
        self.model, self.trainable_variables, self.input_shape = model, model.trainable_variables, model.input_shape
        self.built, self.layers = False, []
        self.seen: list[np.ndarray] = []

    def __call__(self, images):
        self.seen.append(keras.ops.convert_to_numpy(images))
        return self.model(images)


def places(count: int) -> torch.Tensor:
    """Images 8x9 whose pixels say where they are: 0.1 y + 0.01 x."""
    y, x = np.mgrid[:8, :9]
    return torch.from_numpy(np.tile((0.1 * y + 0.01 * x).astype(np.float32)[None, :, :, None], (count, 1, 1, 1)))


def test_d_without_jitter_sees_the_whole_image(start):
    steps, state, _ = start(unchanged, watch=True, jitter=0)
    steps.update_discriminator(places(4), places(4))
    assert [len(images) for images in state.discriminator.seen] == [3, 3, 1, 1]  # two micro-batches of each kind
    for images in state.discriminator.seen:
        np.testing.assert_array_equal(images, places(len(images)))


@pytest.mark.parametrize(
    ("refiner", "at_once"),
    [
        ({"filters": 64, "blocks": 4}, 24),  # 64 * 18 values a pixel are 8 times 144
        ({"filters": 32, "blocks": 4}, 12),
        ({"filters": 4, "blocks": 1}, 3),
    ],
    ids=str,
)
def test_d_takes_as_many_at_once_as_need_the_room_of_r(refiner, at_once, start):
    steps, state, _ = start(unchanged, watch=True, refiner=refiner)
    steps.update_discriminator(places(30), places(30))
    assert len(state.discriminator.seen[0]) == at_once
    assert sum(map(len, state.discriminator.seen)) == 60


def test_d_sees_refined_and_real_images_through_one_window_that_moves_at_random(start):
    steps, state, _ = start(unchanged, watch=True, jitter=1)
    assert state.discriminator.input_shape == (None, 6, 7, 1)
    corners = []
    for _ in range(60):
        state.discriminator.seen.clear()
        steps.update_discriminator(places(4), places(4))
        seen = state.discriminator.seen
        assert len(seen) == 4  # two micro-batches of each kind
        top, left = divmod(round(float(seen[0][0, 0, 0, 0]) * 100), 10)
        for images in seen:
            np.testing.assert_array_equal(images, places(len(images))[:, top : top + 6, left : left + 7])
        corners.append((top, left))
    assert set(corners) == {(top, left) for top in range(3) for left in range(3)}
    assert corners != sorted(corners)


def test_a_window_of_jitter_2_reaches_every_place(start):
    """8x9 leaves 4x5: rows and columns begin at 0 to 4."""
    steps, *_ = start(jitter=2)
    windows = [[indices.tolist() for indices in steps._window(batch())] for _ in range(400)]
    assert {(rows[0], columns[0]) for rows, columns in windows} == {(y, x) for y in range(5) for x in range(5)}
    for rows, columns in windows:
        assert rows == list(range(rows[0], rows[0] + 4))
        assert columns == list(range(columns[0], columns[0] + 5))


def test_r_is_judged_through_a_window_and_regularised_on_the_whole_image(start):
    steps, state, _ = start(watch=True, jitter=2)
    x = places(4)
    refined = state.refiner.predict_on_batch(x)
    losses = steps.update_refiner(x, WEIGHT)
    assert float(losses.self_regularisation) == pytest.approx(np.abs(refined - x.numpy()).mean(), rel=1e-4)
    seen = np.concatenate(state.discriminator.seen)
    windows = [refined[:, top : top + 4, left : left + 5] for top in range(5) for left in range(5)]
    assert sum(np.allclose(seen, window, atol=1e-6) for window in windows) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        # Images here are 8x9. 'valid': 3, then 5, 11 and 23 px for one patch.
        (
            {"jitter": 4},
            ["at least 9x9", "received 8x9", "jitter 4 leaves D 0x1", "need 1x1", "--size 9x10", "--jitter 0"],
        ),
        (
            {"jitter": 2, "discriminator": {"padding": "valid"}},
            [
                "at least 27x27",
                "received 8x9",
                "jitter 2 leaves D 4x5",
                "need 23x23",
                "--size 27x30",
                "--discriminator.padding same",
            ],
        ),
        ({"discriminator": {"padding": "valid"}}, ["at least 23x23", "received 8x9", "jitter 0 leaves D 8x9"]),
    ],
    ids=["jitter", "both", "valid"],
)
def test_images_too_small_for_a_patch_are_told_as_they_are_and_what_jitter_takes_away(changes, said, start, only_line):
    with pytest.raises(ConfigError) as caught:
        start(**changes)
    message = only_line(str(caught.value))
    assert [part for part in said if part not in message] == []


# --- Nothing waits ----------------------------------------------------------------------------------------------


class HostTraffic(TorchDispatchMode):
    """Fails where a value would go from the device to the host (`item`, an index of booleans) or the other way (an
    array made of Python or NumPy numbers, a copy to another device)."""

    def __torch_dispatch__(self, operation, types, arguments=(), options=None):
        name, options = operation.name(), options or {}
        results = operation(*arguments, **options)
        devices = {leaf.device for leaf in tree_leaves((arguments, results)) if isinstance(leaf, torch.Tensor)}
        masks = [leaf for leaf in tree_leaves(arguments) if getattr(leaf, "dtype", None) == torch.bool]
        if (
            name in ("aten::_local_scalar_dense", "aten::lift_fresh", "aten::nonzero")
            or (name.startswith("aten::index") and masks)
            or len(devices) > 1
        ):
            raise AssertionError(f"between host and device: {name}")
        return results


@pytest.mark.parametrize(
    "traffic",
    [
        lambda x: x.sum().item(),
        lambda x: float(x.sum()),
        lambda x: x * torch.tensor(1.0),
        lambda x: keras.ops.equal(x, 1),
        lambda x: torch.from_numpy(np.ones(3)),
        lambda x: x[x > 0],
        lambda x: x.to("meta"),
    ],
    ids=["item", "float", "tensor", "ops.equal", "from_numpy", "mask", "other device"],
)
def test_traffic_is_seen(traffic):
    with pytest.raises(AssertionError, match="between host and device"), HostTraffic():
        traffic(torch.ones(3))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("psi", ["identity", "structure"])
@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_nothing_goes_between_host_and_device_within_an_update(name, psi, precision, start):
    optimiser = {"name": name, "learning_rate": 0.01}
    steps, state, _ = start(
        psi=psi, precision=precision, jitter=1, refiner_optimiser=optimiser, discriminator_optimiser=optimiser
    )
    x, y = batch(), batch()
    window, weight = steps._window(x), torch.ones(1)  # what an update brings to the device, before it begins
    before = [all_weights(model) for model in (state.refiner, state.averaged_refiner, state.discriminator)]
    with HostTraffic():
        steps._minimise_regularisation((x,))
        steps._minimise_equation_4((x,), (weight, *window))
        steps.average_refiner(0.9, 3)
        steps._minimise_equation_2((x, y), window)
    for model, old in zip((state.refiner, state.averaged_refiner, state.discriminator), before, strict=True):
        assert (all_weights(model) != old).any()


def test_jitter_that_leaves_d_nothing_to_see_is_one_line(tiny_config, only_line):
    engine = open_engine(micro_batch=4, compiled=False)
    with pytest.raises(ConfigError) as caught:
        new_state(engine, tiny_config(jitter=2), (3, 36), 1)
    message = only_line(str(caught.value))
    assert "3x36" in message
    assert "-1" not in message
    assert "--jitter 0" in message
