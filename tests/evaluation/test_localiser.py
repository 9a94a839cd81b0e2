from __future__ import annotations

import keras
import numpy as np

from simgan.engines.automatic import open_engine
from simgan.evaluation import train_localiser
from simgan.evaluation.augmentation import change_appearance, shift_and_zoom
from simgan.evaluation.estimator import Training, train_estimators
from simgan.evaluation.localiser import Localiser, shifted
from simgan.evaluation.voting import voting_network


def test_shifted_goes_right_and_down_and_repeats_the_border():
    image = np.arange(6, dtype=np.float32).reshape(1, 2, 3, 1)  # 0 1 2 over 3 4 5
    np.testing.assert_array_equal(shifted(image, 1, 0)[0, ..., 0], [[0, 0, 1], [3, 3, 4]])
    np.testing.assert_array_equal(shifted(image, 0, 1)[0, ..., 0], [[0, 1, 2], [0, 1, 2]])
    np.testing.assert_array_equal(shifted(image, -2, -1)[0, ..., 0], [[5, 5, 5], [5, 5, 5]])


def test_views_are_brought_back_before_the_mean():
    """What reads the brightest column and row exactly reads the same in every view."""
    images = np.zeros((1, 12, 12, 1), np.float32)
    images[0, 5, 7] = 1
    inputs = keras.Input((12, 12, 1))
    grid = np.stack(np.meshgrid(np.arange(12), np.arange(12)), axis=-1).reshape(144, 2)
    model = keras.Model(inputs, keras.layers.Dense(2, use_bias=False)(keras.layers.Flatten()(inputs)))
    model.set_weights([grid.astype(np.float32)])
    engine = open_engine(micro_batch=4, compiled=False)
    localiser = Localiser(model, engine, np.zeros(1, np.float32), np.ones(1, np.float32))
    np.testing.assert_allclose(localiser(images), [[7, 5]], atol=1e-5)


def test_localiser_is_trained_in_pixels_on_images_whose_place_and_appearance_change():
    random = np.random.default_rng(0)
    images = random.uniform(-1, 1, (9, 16, 20, 1)).astype(np.float32)
    points, progress = random.uniform(0, 15, (9, 2, 2)), []

    def augment(images, points, random):
        moved, points = shift_and_zoom(images, points, random)
        return change_appearance(moved, random), points

    trained = train_localiser(images, points, steps=2, seed=5, on_progress=lambda *done: progress.append(done))
    training = Training(
        images,
        points.reshape(9, 4),
        network=voting_network,
        standardised=False,
        steps=2,
        learning_rate=0.002,
        seed=5,
        augment=augment,
    )
    (expected,) = train_estimators([training])
    for found, weights in zip(trained.model.get_weights(), expected.model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, weights)
    assert (trained.mean, trained.scale) == (0, 1)
    assert progress == [(1, 2), (2, 2)]
    assert trained(images).shape == (9, 4)


def test_localiser_finds_points_whatever_the_appearance_and_beyond_the_border():
    """A bright square on a dark ground. Its middle is a point, and 6 px to the left of the middle is another, which
    lies beyond the border for a third of the squares."""
    random = np.random.default_rng(0)
    middles = random.integers(3, 13, (400, 2)).astype(np.float32)
    images = np.full((400, 16, 16, 1), -0.7, np.float32)
    for image, (x, y) in zip(images, middles.astype(int), strict=True):
        image[y - 2 : y + 3, x - 2 : x + 3] = 0.7
    points = np.stack([middles, middles - np.array([6, 0], np.float32)], axis=1)
    localiser = train_localiser(images[:350], points[:350], steps=200)
    distance = np.linalg.norm(localiser(images[350:]).reshape(50, 2, 2) - points[350:], axis=2)
    outside = points[350:, 1, 0] < 0
    assert distance[outside, 1].mean() < 1.5
    changed = localiser(change_appearance(images[350:], random)).reshape(50, 2, 2)[:, 0]
    guessing = np.linalg.norm(middles[350:] - middles[:350].mean(axis=0), axis=1).mean()
    assert np.linalg.norm(changed - middles[350:], axis=1).mean() < 0.25 * guessing
