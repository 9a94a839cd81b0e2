from __future__ import annotations

import numpy as np

from simgan.evaluation import train_localiser
from simgan.evaluation.localiser import change_appearance, shift


def with_edge(count: int, column: int, size: int = 16) -> np.ndarray:
    """Dark to the left of `column`, bright from there on."""
    images = np.full((count, size, size, 1), -0.8, np.float32)
    images[:, :, column:] = 0.8
    return images


def test_edges_stay_where_they_are():
    for seed, column in enumerate((3, 6, 8, 10, 13)):
        random = np.random.default_rng(seed)
        for _ in range(4):
            images = with_edge(8, column)
            for given in (images, np.swapaxes(images, 1, 2)):
                changed = change_appearance(given, random)
                profile = changed.mean(axis=(1 if given is images else 2, 3))  # along the step, noise averaged out
                assert (np.diff(profile, axis=1).argmax(axis=1) == column - 1).all()


def test_values_stay_in_range_and_images_keep_their_shape_and_type():
    images = np.random.default_rng(0).uniform(-1, 1, (64, 9, 12, 3)).astype(np.float32)
    before = images.copy()
    changed = change_appearance(images, np.random.default_rng(1))
    assert changed.shape == images.shape
    assert changed.dtype == np.float32
    assert changed.min() >= -1
    assert changed.max() <= 1
    np.testing.assert_array_equal(images, before)


def test_black_and_white_images_give_numbers():
    images = np.concatenate([np.full((32, 8, 8, 1), -1), np.full((32, 8, 8, 1), 1)]).astype(np.float32)
    assert np.isfinite(change_appearance(images, np.random.default_rng(0))).all()


def test_every_image_gets_another_look_that_follows_from_the_generator():
    images = with_edge(8, 8)
    first = change_appearance(images, np.random.default_rng(0))
    np.testing.assert_array_equal(change_appearance(images, np.random.default_rng(0)), first)
    shades = first[:, :, :6].mean(axis=(1, 2, 3))
    assert np.ptp(shades) > 0.2
    assert len(np.unique(shades.round(3))) == 8


def test_localiser_finds_a_point_whatever_the_look():
    """A bright square on a dark ground, whose middle is the label."""
    random = np.random.default_rng(0)
    points = random.integers(3, 13, (400, 2)).astype(np.float32)
    images = np.full((400, 16, 16, 1), -0.7, np.float32)
    for image, (x, y) in zip(images, points.astype(int), strict=True):
        image[y - 2 : y + 3, x - 2 : x + 3] = 0.7
    localiser = train_localiser(images[:350], points[:350], steps=120)
    looks = change_appearance(images[350:], random)
    distance = np.linalg.norm(localiser(looks) - points[350:], axis=1)
    assert distance.mean() < 0.4 * np.linalg.norm(points[350:] - points[:350].mean(axis=0), axis=1).mean()


def test_shift_moves_image_and_point_alike():
    """A bright pixel on black stands where its point says, before and after."""
    random = np.random.default_rng(3)
    points = random.integers(4, 20, (40, 2)).astype(np.float32)
    images = np.full((40, 24, 36, 1), -1, np.float32)
    images[np.arange(40), points[:, 1].astype(int), points[:, 0].astype(int)] = 1
    moved, after = shift(images, points, np.random.default_rng(0))
    rows, columns = np.unravel_index(moved[..., 0].reshape(40, -1).argmax(axis=1), (24, 36))
    np.testing.assert_array_equal(after, np.stack([columns, rows], axis=1))
    assert (moved.max(axis=(1, 2, 3)) == 1).all()
    # Up to a twelfth of each side, and both ends occur.
    steps = after - points
    assert (steps.min(axis=0).tolist(), steps.max(axis=0).tolist()) == ([-3, -2], [3, 2])
