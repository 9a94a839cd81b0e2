from __future__ import annotations

import numpy as np

from simgan.evaluation import train_estimator


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
