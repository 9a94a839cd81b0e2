from __future__ import annotations

import keras
import numpy as np
import pytest
import torch

from simgan.engines.automatic import open_engine
from simgan.settings.label_budget import parse_label_budget
from simgan.tasks.task import Angle, Classification
from simgan.training import steps as steps_module
from simgan.training.batches import Order
from simgan.training.label_keeper import Kept, KeptLabel, LabelKeeper
from simgan.training.state import new_state
from simgan.training.steps import Steps

SIZE = (12, 10)


class Training:
    """Twenty images of two classes, bright and dark; R and D as small as they may be."""

    def __init__(self, tiny_config, budget: str = "class:10%", task=None, labels=None, **changes) -> None:
        random = np.random.default_rng(0)
        self.labels = np.arange(20) % 2 if labels is None else labels
        tone = np.where(np.arange(20) % 2, 0.6, -0.6)[:, None, None, None]
        self.images = (tone + random.uniform(-0.2, 0.2, (20, *SIZE, 1))).astype(np.float32)
        self.engine, self.config = open_engine(micro_batch=3, compiled=False), tiny_config(batch_size=4, **changes)
        kept = Kept(task or Classification((0, 1)), parse_label_budget(budget), self.labels)
        self.order = Order(20, 4, seed=0, flip=self.config.flip)

        def keeper(refiner: keras.Model) -> LabelKeeper:
            refine = self.engine.network(refiner, small=True)
            label = KeptLabel(kept, self.images, range(20), refine, self.engine)
            return LabelKeeper([label], self.order)

        self.state = new_state(self.engine, self.config, SIZE, 1, keep_labels=keeper)
        self.steps = Steps(self.engine, self.state, self.config)
        (self.label,) = self.state.labels.labels

    def batch(self, number: int):
        return torch.from_numpy(self.images[self.order.draw(number).indices])

    def teach(self, updates: int) -> None:
        for number in range(updates):
            self.steps.update_label_networks(self.batch(number), self.state.labels.targets(number))


@pytest.fixture
def training(tiny_config):
    return lambda *args, **changes: Training(tiny_config, *args, **changes)


def test_targets_are_those_of_the_images_of_the_batch(training):
    one = training()
    (targets,) = one.state.labels.targets(7)
    np.testing.assert_array_equal(targets.argmax(axis=1), one.labels[one.order.draw(7).indices])


def test_directions_are_mirrored_with_their_images(training):
    directions = np.tile([[0.6, 0.0, 0.8]], (20, 1)) + np.linspace(0, 0.1, 20)[:, None]
    one = training("gaze:1deg", Angle(), directions, flip=True)
    (targets,) = one.state.labels.targets(0)
    draw = one.order.draw(0)
    mean, scale = directions.mean(axis=0), directions.std(axis=0)
    expected = directions[draw.indices] * np.where(draw.mirrored[:, None], [-1, 1, 1], [1, 1, 1])
    assert 0 < draw.mirrored.sum() < 4
    np.testing.assert_allclose(targets, (expected - mean) / scale, rtol=1e-3)


def test_the_network_learns_the_label_and_r_and_d_stay(training):
    one = training()
    before = [one.state.refiner.get_weights(), one.state.discriminator.get_weights()]
    one.teach(60)
    read = one.label.network.predict_on_batch(one.images).argmax(axis=1)
    assert (read == one.labels).mean() == 1.0
    for weights, model in zip(before, (one.state.refiner, one.state.discriminator), strict=True):
        assert all((old == new).all() for old, new in zip(weights, model.get_weights(), strict=True))


def test_images_matched_to_photographs_are_learnt_with_the_targets_of_their_synthetic_images(training, monkeypatch):
    """Photographs turn bright into dark: half of what the network sees then says the opposite of the other half."""
    one, given = training(), []

    def inverted(images, photographs, method, *, seed):
        given.append((photographs.shape, method, seed))
        return -images

    monkeypatch.setattr(steps_module, "match_images", inverted)
    for number in range(80):
        real = torch.zeros(4, *SIZE, 1)
        one.steps.update_label_networks(one.batch(number), one.state.labels.targets(number), real)
    outputs = one.label.network.predict_on_batch(one.images)
    assert np.abs(outputs[:, 0] - outputs[:, 1]).mean() < 1.0
    assert {(shape, method) for shape, method, _ in given} == {((4, *SIZE, 1), "mixed")}
    assert len({seed for *_, seed in given}) == 80


def test_the_label_pulls_r_only_by_its_weight(training):
    """The gradient of R with weight w is that without, plus w times that of the loss of the label."""
    one = training(self_regularisation=0.5)
    one.teach(20)
    x, targets = one.batch(3), one.state.labels.targets(3)
    variables = [variable.value for variable in one.state.refiner.trainable_variables]

    def gradient_of_label() -> np.ndarray:
        refined = one.state.refiner(x)
        loss = one.label.task.loss(one.label.network(refined), torch.from_numpy(targets[0]))
        return np.concatenate([part.detach().numpy().ravel() for part in torch.autograd.grad(loss, variables)])

    def step(weight: float) -> tuple[np.ndarray, float]:
        saved = one.state.refiner.get_weights()
        losses = one.steps.update_refiner(x, 0.5, targets, [weight])
        moved = np.concatenate(
            [(new - old).ravel() for old, new in zip(saved, one.state.refiner.get_weights(), strict=True)]
        )
        one.state.refiner.set_weights(saved)
        return moved, float(losses.label)

    rate = one.config.refiner_optimiser.learning_rate
    without, loss = step(0.0)
    with_label, _ = step(2.0)
    expected = -rate * 2.0 * gradient_of_label()
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(with_label - without, expected, atol=2e-3 * np.abs(expected).max() + 1e-8)
    reference = one.label.task.loss(one.label.network(one.state.refiner(x)), torch.from_numpy(targets[0]))
    assert loss == pytest.approx(float(reference.detach()), rel=1e-4)


def test_what_r_loses_of_the_label_raises_its_weight(training):
    one = training("class:10%")
    one.teach(60)
    first = one.state.labels.weights(10)
    assert one.state.labels.gauges() == {"label_class_weight": first[0], "label_class_lost": pytest.approx(0, abs=0.5)}
    for variable in one.state.averaged_refiner.variables:  # R makes every image grey
        variable.assign(np.zeros(variable.shape, np.float32))
    second = one.state.labels.weights(20)
    lost_now = one.state.labels.gauges()["label_class_lost"]
    assert lost_now == pytest.approx(0.5)  # the class that grey is not read as
    assert second[0] > first[0]


def test_state_is_saved_and_restored(training):
    one, other = training(), training()
    one.teach(5)
    one.state.labels.weights(10)
    other.state.labels.load_state_dict(one.state.labels.state_dict())
    (label,) = other.state.labels.labels
    for mine, theirs in zip(one.label.network.get_weights(), label.network.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(
        [np.sum(variable) for variable in one.label.optimiser.variables],
        [np.sum(variable) for variable in label.optimiser.variables],
    )
    assert other.state.labels.gauges() == one.state.labels.gauges()


def test_without_labels_nothing_is_drawn():
    keeper = LabelKeeper()
    assert (keeper.targets(3), keeper.weights(10), keeper.gauges(), keeper.state_dict()) == ((), (), {}, {})
