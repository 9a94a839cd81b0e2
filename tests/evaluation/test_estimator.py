from __future__ import annotations

import keras
import numpy as np
import pytest
import torch

from simgan.evaluation import Estimator, Training, train_estimators
from simgan.tasks.networks import network


def train_estimator(images, targets, on_progress=lambda done, total: None, **options) -> Estimator:
    (found,) = train_estimators([Training(images, targets, **options)], on_progress)
    return found


@pytest.fixture
def two_threads():
    """PyTorch computes on two threads, so that two trainings run at once."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def planted(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of one shade on the left and another on the right; labels 40 + 10 left and -3 right."""
    random = np.random.default_rng(seed)
    left, right = random.uniform(-1, 1, (2, count)).astype(np.float32)
    images = np.empty((count, 8, 8, 1), np.float32)
    images[:, :, :4] = left[:, None, None, None]
    images[:, :, 4:] = right[:, None, None, None]
    return images, np.stack([40 + 10 * left, -3 * right], axis=1)


def test_learns_a_planted_relation():
    progress = []
    estimator = train_estimator(
        *planted(256, 0), steps=120, batch_size=32, on_progress=lambda *done: progress.append(done)
    )
    images, labels = planted(64, 1)
    predicted = estimator(images)
    assert predicted.shape == (64, 2)
    assert (np.abs(predicted - labels).mean(axis=0) < 0.2 * labels.std(axis=0)).all()
    assert progress == [(step, 120) for step in range(1, 121)]


def test_follows_from_the_seed():
    data, images = planted(16, 0), planted(4, 1)[0]

    def predicted(seed: int) -> np.ndarray:
        return train_estimator(*data, steps=2, batch_size=4, seed=seed)(images)

    first = predicted(0)
    np.testing.assert_array_equal(predicted(0), first)
    assert np.abs(predicted(1) - first).max() > 1e-3


def test_trains_on_what_augment_makes_of_the_images():
    images, labels = planted(16, 0)
    seen = []

    def augment(batch, targets, random):
        seen.append((batch.shape, random.random()))
        return np.zeros_like(batch), targets

    estimator = train_estimator(images, labels, steps=3, batch_size=5, augment=augment)
    assert [shape for shape, _ in seen] == 3 * [(5, 8, 8, 1)]
    assert len({drawn for _, drawn in seen}) == 3
    blind = train_estimator(np.zeros_like(images), labels, steps=3, batch_size=5, augment=augment)
    np.testing.assert_array_equal(estimator(images), blind(images))


def test_labels_that_never_vary_are_predicted():
    images, _ = planted(16, 0)
    predicted = train_estimator(images, np.full((16, 1), 7.0), steps=2, batch_size=4)(images)
    np.testing.assert_allclose(predicted, 7, atol=1e-3)


def test_targets_need_not_be_standardised_and_the_loss_is_the_given_one():
    """With a loss of nothing, what comes out is what the network gave at the start, in no other units."""
    images, labels = planted(16, 0)
    still = train_estimator(images, 100 + labels, standardised=False, loss=lambda y, t: 0 * y.sum(), steps=2)
    assert np.abs(still(images)).max() < 20


def flat_images(count: int = 320, shade: float = 0.6) -> tuple[np.ndarray, np.ndarray]:
    """Images of one shade, with labels of nothing."""
    return np.full((count, 4, 4, 1), shade, np.float32), np.zeros((count, 1))


@pytest.fixture
def train_own(tmp_path):
    """Trains the layers given, saved as a user's .keras file."""

    def train(layers, data, **options):
        images = keras.Input((4, 4, 1))
        outputs = images
        for layer in layers:
            outputs = layer(outputs)
        keras.Model(images, outputs).save(tmp_path / "own.keras")
        return train_estimator(*data, network=network(str(tmp_path / "own.keras")), standardised=False, **options)

    return train


def no_loss(outputs, _):
    return 0 * outputs.sum()


@pytest.mark.parametrize("batch_size", [16, 300])
def test_batch_normalization_learns_the_statistics_of_whole_batches(train_own, batch_size):
    """The moving mean starts at 0 and goes half of the way to 0.6 in each step, whatever the engine's micro-batch."""
    layers = keras.layers.BatchNormalization(momentum=0.5), keras.layers.Flatten(), keras.layers.Dense(1)
    estimator = train_own(layers, flat_images(), steps=3, batch_size=batch_size)
    moving_mean, moving_variance = (np.asarray(value) for value in estimator.model.layers[1].get_weights()[2:])
    assert moving_mean == pytest.approx([0.6 * (1 - 0.5**3)], rel=1e-5)
    assert moving_variance == pytest.approx([0.5**3], rel=1e-5)  # from 1 to that of images all alike


def test_batch_normalization_predicts_with_its_moving_statistics(train_own):
    layers = keras.layers.BatchNormalization(momentum=0.5), keras.layers.Flatten(), keras.layers.Dense(1)
    random = np.random.default_rng(0)
    images = random.uniform(-1, 1, (40, 4, 4, 1)).astype(np.float32)
    estimator = train_own(layers, (images, random.normal(size=(40, 1))), steps=5, batch_size=8)
    before = estimator.model.get_weights()
    together = estimator(images)
    alone = np.concatenate([estimator(image[None]) for image in images])
    np.testing.assert_allclose(alone, together, atol=1e-5)
    for one, other in zip(estimator.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_dropout_is_active_in_training_alone(train_own):
    """An output of 1: in training either dropped or doubled, in a prediction as it is."""
    ones = keras.layers.Dense(1, kernel_initializer="zeros", bias_initializer="ones")
    seen = []

    def loss(outputs, targets):
        seen.append(outputs.detach().cpu().numpy())
        return no_loss(outputs, targets)

    layers = keras.layers.Flatten(), ones, keras.layers.Dropout(0.5)
    estimator = train_own(layers, flat_images(), steps=4, batch_size=64, loss=loss)
    assert set(np.concatenate(seen).ravel()) == {0.0, 2.0}
    assert (estimator(flat_images(8)[0]) == 1).all()


def test_dropout_follows_from_the_seed(train_own):
    def predicted(seed):
        layers = keras.layers.Flatten(), keras.layers.Dropout(0.5), keras.layers.Dense(1)
        data = np.random.default_rng(0).uniform(-1, 1, (20, 4, 4, 1)).astype(np.float32), np.arange(20.0)[:, None]
        return train_own(layers, data, steps=3, batch_size=8, seed=seed)(data[0])

    np.testing.assert_array_equal(predicted(1), predicted(1))
    assert (predicted(1) != predicted(2)).any()


def test_regularisers_of_the_model_are_part_of_its_loss(train_own):
    """With no other loss, Adam's first step takes 1e-3 from every weight of 1."""
    dense = keras.layers.Dense(1, kernel_initializer="ones", kernel_regularizer=keras.regularizers.L2(0.1))
    estimator = train_own((keras.layers.Flatten(), dense), flat_images(), loss=no_loss, steps=1)
    np.testing.assert_allclose(estimator.model.layers[-1].get_weights()[0], 0.999, atol=1e-6)


def test_constraints_of_the_model_are_kept(train_own):
    """The loss draws the weights from 0 below 0, where the constraint does not let them go; the bias goes there."""
    dense = keras.layers.Dense(1, kernel_initializer="zeros", kernel_constraint=keras.constraints.NonNeg())
    estimator = train_own((keras.layers.Flatten(), dense), flat_images(), loss=lambda y, _: y.mean(), steps=2)
    kernel, bias = estimator.model.layers[-1].get_weights()
    np.testing.assert_array_equal(kernel, 0)
    assert bias < -1e-3


def test_images_outside_the_rows_have_no_influence():
    images, labels = planted(24, 0)
    rows = np.arange(3, 15)
    spoilt, spoilt_labels = np.full_like(images, 9), np.full_like(labels, 1e6)
    spoilt[rows], spoilt_labels[rows] = images[rows], labels[rows]
    found, of_spoilt, of_part = (
        train_estimator(*data, steps=3, batch_size=4, rows=of_data)(images)
        for data, of_data in (
            ((images, labels), rows),
            ((spoilt, spoilt_labels), rows),
            ((images[rows], labels[rows]), None),
        )
    )
    np.testing.assert_array_equal(of_spoilt, found)
    np.testing.assert_array_equal(of_part, found)
    everything = train_estimator(images, labels, steps=3, batch_size=4)(images)
    assert np.abs(everything - found).max() > 1e-3


@pytest.mark.parametrize("rows", [None, np.array([1, 4, 5])])
def test_all_images_of_the_rows_are_trained_on_and_no_others(rows):
    """Each image is of one shade; 200 draws leave out one of 6 with a chance of 6 (5/6)^200, or 1e-15."""
    shades, drawn = np.arange(6, dtype=np.float32), set()

    def augment(batch, targets, random):
        np.testing.assert_array_equal(batch[:, 0, 0, 0], targets[:, 0])
        drawn.update(targets[:, 0].tolist())
        return batch, targets

    images = np.tile(shades[:, None, None, None], (1, 4, 4, 1))
    train_estimator(images, shades[:, None], rows=rows, steps=2, batch_size=100, augment=augment)
    assert drawn == set(range(6) if rows is None else rows.tolist())


@pytest.mark.usefixtures("two_threads")
def test_trainings_at_once_are_those_of_one_after_another_in_order():
    data, images = planted(32, 0), planted(4, 1)[0]
    trainings = [Training(*data, steps=steps, batch_size=8, seed=seed) for seed, steps in enumerate((6, 1, 3))]
    progress = []
    together = train_estimators(trainings, lambda *done: progress.append(done))
    assert progress == [(done, 10) for done in range(1, 11)]
    for training, found in zip(trainings, together, strict=True):
        (alone,) = train_estimators([training])
        np.testing.assert_allclose(found(images), alone(images), rtol=1e-4, atol=1e-4)


def dropping(*random_layers):
    """Builds a network whose units are dropped at random."""

    def build(height, width, channels, outputs):
        images = keras.Input((height, width, channels))
        features = keras.layers.Flatten()(images)
        for layer in random_layers:
            features = layer()(features)
        return keras.Model(images, keras.layers.Dense(outputs)(features))

    return build


def nested_dropout():
    return keras.Sequential([keras.Input((64,)), keras.layers.Dropout(0.5)])


def recurrent_dropout():
    return keras.Sequential([keras.Input((64,)), keras.layers.Reshape((4, 16)), keras.layers.GRU(8, dropout=0.5)])


@pytest.mark.parametrize(
    "layer", [lambda: keras.layers.Dropout(0.5), lambda: keras.layers.GaussianNoise(1.0), nested_dropout]
)
@pytest.mark.usefixtures("two_threads")
def test_random_layers_follow_from_the_seed_whatever_is_trained_beside(layer):
    data, images = planted(32, 0), planted(4, 1)[0]
    one, other = (
        Training(*data, network=dropping(layer), steps=steps, batch_size=8, seed=seed)
        for seed, steps in enumerate((40, 30))
    )
    first, second = (found(images) for found in train_estimators([one, other]))
    again, second_again = (found(images) for found in train_estimators([one, other]))
    np.testing.assert_array_equal(again, first)
    np.testing.assert_array_equal(second_again, second)
    np.testing.assert_array_equal(train_estimators([other])[0](images), second)


@pytest.mark.usefixtures("two_threads")
def test_layers_within_layers_may_be_random():
    """The cell of a recurrent layer draws the numbers; the layer itself does not."""
    data, images = planted(32, 0), planted(4, 1)[0]
    trainings = [Training(*data, network=dropping(recurrent_dropout), steps=20, batch_size=8, seed=s) for s in (0, 1)]
    found, again = ([one(images) for one in train_estimators(trainings)] for _ in range(2))
    np.testing.assert_array_equal(found, again)


@pytest.mark.usefixtures("two_threads")
def test_an_error_in_one_training_ends_all():
    def augment(images, targets, random):
        raise ValueError("spoilt")

    data = planted(16, 0)
    progress = []
    trainings = [
        Training(*data, steps=1, augment=augment),
        Training(*data, steps=100_000, batch_size=2),
    ]
    with pytest.raises(ValueError, match="spoilt"):
        train_estimators(trainings, lambda done, _: progress.append(done))
    assert len(progress) < 100_000
    assert torch.get_num_threads() == 2
