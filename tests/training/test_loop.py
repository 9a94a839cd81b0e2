from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch.nn import functional

from simgan.engines.torch.engine import TorchEngine
from simgan.training.budget import FixedWeight
from simgan.training.loop import Training
from simgan.training.state import new_state
from simgan.training.steps import Steps


class RecordingEngine(TorchEngine):
    """Does the work, and remembers what was asked."""

    def __init__(self):
        super().__init__(micro_batch=3, compiled=False)
        self.networks = {}
        self.order: list[str] = []
        self.given: list[tuple[np.ndarray, ...]] = []  # to the updates, in the same order
        self.refined: list[np.ndarray] = []  # by R, for D

    def new_state(self, config):
        self.state = new_state(self, config, (8, 9), 1)
        return self.state

    def network(self, model, *, small=False):
        network = super().network(model)
        self.networks[network] = model
        return network

    def minimiser(self, loss, variables, optimiser, **options):
        minimise = super().minimiser(loss, variables, optimiser, **options)

        def update(batches, shared=()):
            self.order.append("R" if optimiser is self.state.refiner_optimiser else "D")
            self.given.append(tuple(batch.numpy().copy() for batch in batches))
            return minimise(batches, shared)

        return update

    def infer(self, network, images):
        assert self.networks[network] is self.state.refiner  # as it is now, not its average
        refined = super().infer(network, images)
        self.refined.append(refined.numpy().copy())
        return refined


def run(engine, state, config, synthetic, real, observer) -> None:
    Training(Steps(engine, state, config), state, config, synthetic, real, [observer]).run()


class RecordingObserver:
    def __init__(self, state):
        self.state, self.seen, self.fills = state, [], []

    def step(self):
        position = self.state.position
        networks = sorted({name.partition("_")[0] for name in self.state.meters.values()})
        self.state.meters.close()
        self.seen.append((position.phase, position.step, *networks))
        self.fills.append(len(self.state.history))


class Batches:
    """Endless random batches, all images different; remembers them."""

    def __init__(self, seed: int, size: int):
        self._random, self._size = np.random.default_rng(seed), size
        self.drawn: list[np.ndarray] = []

    def __iter__(self):
        return self

    def __next__(self):
        self.drawn.append(self._random.uniform(-1, 1, (self._size, 8, 9, 1)).astype(np.float32))
        return torch.from_numpy(self.drawn[-1].copy())


@pytest.fixture
def trained(tiny_config):
    def train(**changes):
        config = tiny_config(**{"refiner_updates": 2, "steps": 5} | changes)
        engine = RecordingEngine()
        state = engine.new_state(config)
        observer = RecordingObserver(state)
        synthetic, real = Batches(1, config.batch_size), Batches(2, config.batch_size)
        run(engine, state, config, synthetic, real, observer)
        return engine, observer, synthetic, real

    return train


def keys(images: np.ndarray) -> list[bytes]:
    return [image.tobytes() for image in images]


def test_updates_come_in_the_order_of_algorithm_1(trained):
    engine, observer, synthetic, real = trained(
        refiner_pretrain_steps=3,
        discriminator_pretrain_steps=2,
        steps=2,
        refiner_updates=2,
        discriminator_updates=3,
    )
    assert "".join(engine.order) == "RRR" + "DD" + 2 * ("RR" + "DDD")
    assert observer.seen == [
        *(("refiner_pretrain", number, "refiner") for number in (1, 2, 3)),
        *(("discriminator_pretrain", number, "discriminator") for number in (1, 2)),
        *(("adversarial", number, "discriminator", "refiner") for number in (1, 2)),
    ]
    assert len(synthetic.drawn) == len(engine.order)  # a new batch of synthetic images for every update
    assert len(real.drawn) == engine.order.count("D")


def test_each_update_gets_the_next_images(trained):
    engine, _, synthetic, real = trained()
    real_batches = iter(real.drawn)
    for network, given, x in zip(engine.order, engine.given, synthetic.drawn, strict=True):
        if network == "R":
            np.testing.assert_array_equal(given[0], x)
        else:
            np.testing.assert_array_equal(given[1], next(real_batches))


@pytest.mark.parametrize("phase", ["refiner_pretrain_steps", "discriminator_pretrain_steps", "steps"])
def test_phase_of_no_steps_does_nothing(phase, trained):
    engine, observer, *_ = trained(**{phase: 0})
    lengths = {"refiner_pretrain_steps": 3, "discriminator_pretrain_steps": 2, "steps": 5} | {phase: 0}
    first, second, third = lengths.values()
    assert "".join(engine.order) == first * "R" + second * "D" + third * "RRD"
    assert len(observer.seen) == first + second + third


def test_every_update_of_r_in_a_step_has_the_weight_of_that_step(tiny_config):
    class Rising(FixedWeight):
        def __call__(self, step):
            return 10.0 * step

    config = tiny_config(refiner_updates=2, steps=3)
    engine = RecordingEngine()
    state = engine.new_state(config)
    steps, given = Steps(engine, state, config), []
    update = steps.update_refiner
    steps.update_refiner = lambda batch, weight, *labels: given.append(weight) or update(batch, weight, *labels)
    state.weight = Rising(0.0)
    Training(steps, state, config, Batches(1, 4), Batches(2, 4), []).run()
    assert given == [10.0, 10.0, 20.0, 20.0, 30.0, 30.0]


@pytest.mark.parametrize(("batch_size", "updates"), [(4, 1), (4, 3), (5, 1)])
def test_half_of_what_d_sees_is_old_and_half_is_fresh(batch_size, updates, trained):
    """Every refined image is unlike all others, so that D's batches tell where each came from."""
    engine, observer, *_ = trained(batch_size=batch_size, discriminator_updates=updates, history_size=50)
    half = batch_size // 2
    history: set[bytes] = set()
    per_step = [1, 1] + 5 * [updates]  # D updates in each step of its pre-training, then of the adversarial phase
    seen_by_d = iter([given[0] for name, given in zip(engine.order, engine.given, strict=True) if name == "D"])
    refined = iter(engine.refined)
    old_ones = []
    for count in per_step:
        for _ in range(count):
            images, fresh = next(seen_by_d), next(refined)
            assert len(images) == batch_size
            assert keys(images[: len(fresh)]) == keys(fresh)
            old = keys(images[len(fresh) :])
            assert len(old) == len(set(old)) == min(half, len(history))
            assert set(old) <= history
            old_ones.append(len(old))
        history |= set(keys(fresh[:half]))
    assert old_ones == [0] + (len(old_ones) - 1) * [half]
    assert observer.fills == 3 * [0] + [half * step for step in range(1, 8)]  # it fills, half a batch a step


def test_full_history_stays_full(trained):
    _, observer, *_ = trained(batch_size=4, history_size=5)
    assert observer.fills == [0, 0, 0, 2, 4, 5, 5, 5, 5, 5]


@pytest.mark.parametrize("phases", [{}, {"refiner_pretrain_steps": 0, "steps": 0}])
def test_result_without_averaging_is_r_as_it_ends(phases, trained):
    engine, *_ = trained(refiner_average=0.0, **phases)
    for last, result in zip(
        engine.state.refiner.get_weights(), engine.state.averaged_refiner.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(result, last)


def test_the_average_is_r_itself_until_the_adversarial_phase_begins(tiny_config):
    config = tiny_config(refiner_average=0.9, refiner_optimiser={"name": "sgd", "learning_rate": 0.5})
    engine = RecordingEngine()
    state = engine.new_state(config)
    seen = []

    class Observer:
        def step(self):
            kernel, average = (model.get_weights()[0] for model in (state.refiner, state.averaged_refiner))
            seen.append((state.position.phase, np.abs(kernel - average).max(), kernel))

    run(engine, state, config, Batches(1, 4), Batches(2, 4), Observer())
    assert np.abs(seen[0][2] - seen[2][2]).max() > 1e-3  # R moved in its pre-training
    assert [off for phase, off, _ in seen if phase != "adversarial"] == [0, 0, 0, 0, 0]
    assert all(off > 0 for phase, off, _ in seen if phase == "adversarial")


def test_result_with_averaging_is_the_mean_of_r_over_the_phase(tiny_config):
    """With decay 0.9: d = 1/10, 2/11, 3/12 for the first three updates of R, from R as it was pre-trained."""
    config = tiny_config(
        refiner_average=0.9,
        refiner_updates=1,
        discriminator_pretrain_steps=1,
        steps=3,
        refiner_optimiser={"name": "sgd", "learning_rate": 0.5},
    )
    engine = RecordingEngine()
    state = engine.new_state(config)
    kernels = []

    class Observer:
        def step(self):
            if state.position.phase != "refiner_pretrain":
                kernels.append(state.refiner.get_weights()[0])

    run(engine, state, config, Batches(1, 4), Batches(2, 4), Observer())
    pretrained, first, second, third = kernels
    average = pretrained * (1 / 10) + first * (9 / 10)
    average = average * (2 / 11) + second * (9 / 11)
    average = average * (3 / 12) + third * (9 / 12)
    assert np.abs(third - first).max() > 1e-3
    np.testing.assert_allclose(state.averaged_refiner.get_weights()[0], average, atol=1e-6)


# --- The whole algorithm against plain PyTorch ------------------------------------------------------------------


def plain_discriminator(weights: list[torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """(B * patches, 2) for images 8 high and 9 wide."""
    k0, b0, k1, b1, k2, b2, k3, b3, k4, b4 = weights
    # 'same' with stride 2: 8 -> 4 needs one row below, 9 -> 5 one column on each side
    features = functional.relu(functional.conv2d(functional.pad(x, (1, 1, 0, 1)), k0, b0, 2))
    # 4 -> 2 needs one row below, 5 -> 3 one column on each side
    features = functional.relu(functional.conv2d(functional.pad(features, (1, 1, 0, 1)), k1, b1, 2))
    features = functional.max_pool2d(features, 3, 1, padding=1)
    features = functional.relu(functional.conv2d(features, k2, b2, padding=1))
    features = functional.relu(functional.conv2d(features, k3, b3))
    return functional.conv2d(features, k4, b4).permute(0, 2, 3, 1).reshape(-1, 2)


def cross_entropy(logits: torch.Tensor, column: int) -> torch.Tensor:
    return functional.cross_entropy(logits, torch.full((len(logits),), column))


def descend(weights: list[torch.Tensor], loss: torch.Tensor, rate: float) -> None:
    with torch.no_grad():
        for weight, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
            weight -= rate * gradient


def plain_simgan(refine, refiner, discriminator, synthetic, real, *, pretrain, k_g, steps, weight, rates) -> None:
    """Algorithm 1 where the history holds half a batch: the newest half, so that drawing from it is no chance."""
    history = torch.zeros((0, 1, 8, 9))

    def update_r(adversarial: bool) -> None:
        x = next(synthetic)
        refined = refine(refiner, x)
        loss = (refined - x).abs().mean()
        if adversarial:
            loss = cross_entropy(plain_discriminator(discriminator, refined), 0) + weight * loss
        descend(refiner, loss, rates[0])

    def update_d() -> torch.Tensor:
        x, y = next(synthetic), next(real)
        fresh = refine(refiner, x).detach()
        seen = torch.cat([fresh[: len(x) - len(history)], history])
        loss = cross_entropy(plain_discriminator(discriminator, seen), 1)
        descend(discriminator, loss + cross_entropy(plain_discriminator(discriminator, y), 0), rates[1])
        return fresh[: len(x) // 2]

    for _ in range(pretrain[0]):
        update_r(adversarial=False)
    for _ in range(pretrain[1]):
        history = update_d()
    for _ in range(steps):
        for _ in range(k_g):
            update_r(adversarial=True)
        history = update_d()


def test_whole_algorithm_is_that_of_plain_torch(tiny_config, leaves, plain_refiner):
    config = tiny_config(
        batch_size=4,
        history_size=2,
        refiner_pretrain_steps=2,
        discriminator_pretrain_steps=2,
        steps=2,
        refiner_updates=2,
        self_regularisation=0.7,
        refiner_optimiser={"name": "sgd", "learning_rate": 0.1},
        discriminator_optimiser={"name": "sgd", "learning_rate": 0.2},
    )
    engine = TorchEngine(3, compiled=False)
    state = new_state(engine, config, (8, 9), 1)
    start = [array.copy() for array in (*state.refiner.get_weights(), *state.discriminator.get_weights())]
    refiner, discriminator = leaves(state.refiner), leaves(state.discriminator)
    synthetic, real = Batches(1, 4), Batches(2, 4)
    run(engine, state, config, synthetic, real, RecordingObserver(state))
    plain_simgan(
        plain_refiner,
        refiner,
        discriminator,
        *(iter([torch.tensor(x).permute(0, 3, 1, 2) for x in batches.drawn]) for batches in (synthetic, real)),
        pretrain=(2, 2),
        k_g=2,
        steps=2,
        weight=0.7,
        rates=(0.1, 0.2),
    )
    ours = [*state.refiner.get_weights(), *state.discriminator.get_weights()]
    for before, own, plain in zip(start, ours, itertools.chain(refiner, discriminator), strict=True):
        expected = plain.detach().numpy()
        expected = expected.transpose(2, 3, 1, 0) if expected.ndim == 4 else expected
        assert np.abs(expected - before).max() > 1e-4
        np.testing.assert_allclose(own, expected, atol=1e-5)
