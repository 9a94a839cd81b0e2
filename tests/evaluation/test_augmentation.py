from __future__ import annotations

import numpy as np

from simgan.evaluation.augmentation import change_appearance, shift_and_zoom


def with_edge(count: int, column: int, size: int = 16) -> np.ndarray:
    """Dark to the left of `column`, bright from there on."""
    images = np.full((count, size, size, 1), -0.8, np.float32)
    images[:, :, column:] = 0.8
    return images


def test_edges_stay_where_they_are():
    """A shadow may hide an edge in some images; where it shows, it stands where it stood."""
    for seed, column in enumerate((3, 6, 8, 10, 13)):
        random = np.random.default_rng(seed)
        images = with_edge(64, column)
        for given in (images, np.swapaxes(images, 1, 2)):
            changed = change_appearance(given, random)
            along = 1 if given is images else 2
            rises = np.diff(np.median(changed, axis=(along, 3)), axis=1)  # noise and spots averaged out
            assert rises.mean(axis=0).argmax() == column - 1
            assert (rises.argmax(axis=1) == column - 1).mean() > 0.9


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


def test_points_stay_on_what_they_point_at():
    """A bright round spot, wherever the image goes: its centre of gravity is its point."""
    random = np.random.default_rng(3)
    points = random.uniform([20, 14], [40, 22], (60, 2)).astype(np.float32)
    y, x = np.mgrid[:36, :60]
    distance = (x - points[:, 0, None, None]) ** 2 + (y - points[:, 1, None, None]) ** 2
    images = np.exp(-distance / 8).astype(np.float32)[..., None]
    moved, after = shift_and_zoom(images, points, np.random.default_rng(0))
    weight = moved[..., 0] / moved.sum(axis=(1, 2, 3))[:, None, None]
    centres = np.stack([(weight * x).sum(axis=(1, 2)), (weight * y).sum(axis=(1, 2))], axis=1)
    np.testing.assert_allclose(centres, after, atol=0.1)
    # A shift of up to 5 px across and 3 down, and a tenth of the distance from (29.5, 17.5): 10.5 and 4.5 at most.
    steps = np.abs(after - points).max(axis=0)
    assert (steps > [3, 2]).all()
    assert (steps <= [5 + 10.5 * 0.106, 3 + 4.5 * 0.106]).all()  # e^0.1 = 1.105


def test_moving_a_flat_image_changes_nothing():
    images = np.full((5, 7, 1, 2), 0.25, np.float32)
    moved, _ = shift_and_zoom(images, np.zeros((5, 4), np.float32), np.random.default_rng(0))
    np.testing.assert_allclose(moved, images)
