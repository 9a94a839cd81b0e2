import numpy as np

from benchmarks.small_affine import affine_and_photometric, small_affine


def test_images_of_one_colour_stay_as_they_are():
    images = np.full((3, 28, 28, 1), 0.25, np.float32)
    np.testing.assert_allclose(small_affine(images, np.random.default_rng(0)), images, atol=1e-6)


def test_each_image_moves_by_at_most_the_stated_shift_and_all_channels_move_alike():
    images = np.full((200, 29, 29, 3), -1, np.float32)
    images[:, 13:16, 13:16] = 1  # about the middle, which turning, shearing and scaling leave in its place
    moved = small_affine(images, np.random.default_rng(1))
    np.testing.assert_array_equal(moved[..., 0], moved[..., 2])
    weights = (moved[..., 0] + 1).astype(np.float64)
    shifts = []
    for axis in (1, 2):
        across = weights.sum(axis=3 - axis)
        shifts.append(across @ np.arange(29) / across.sum(axis=1) - 14)
    largest = np.abs(shifts).max()
    assert 0.9 * 29 / 14 < largest < 29 / 14 + 0.1
    assert np.abs(np.mean(shifts, axis=1)).max() < 0.3


def test_a_long_bar_turns_and_shears_by_at_most_twenty_degrees_in_all():
    images = np.full((200, 29, 29, 1), -1, np.float32)
    images[:, 2:27, 14] = 1
    moved = small_affine(images, np.random.default_rng(2))[..., 0] + 1
    middles = (moved @ np.arange(29)) / np.maximum(moved.sum(axis=2), 1e-9)  # of the bar in each row
    slopes = np.degrees(np.arctan((middles[:, 20] - middles[:, 8]) / 12))
    assert 12 < np.abs(slopes).max() < 21


def test_classes_stay_and_a_seed_repeats_the_draws():
    images, targets = np.zeros((4, 28, 28, 1), np.float32), np.eye(4, 10, dtype=np.float32)
    (one, kept), (other, _) = (affine_and_photometric(images, targets, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(kept, targets)
    np.testing.assert_array_equal(one, other)
    assert one.std() > 0
