import numpy as np
import pytest

from simgan.evaluation import train_estimators
from simgan.evaluation.results import Interval
from simgan.evaluation.two_sample import TwoSampleTest, _cut

RANDOM = np.random.default_rng(0)


def noise(count: int, scale: float) -> np.ndarray:
    return (RANDOM.normal(size=(count, 12, 14, 1)) * scale).astype(np.float32)


def two_sample_accuracy(one: np.ndarray, other: np.ndarray, **options) -> Interval:
    test = TwoSampleTest(one, other, **options)
    return test.accuracy(train_estimators(test.trainings))


def test_sets_of_one_kind_cannot_be_told_apart():
    found = two_sample_accuracy(noise(150, 0.3), noise(150, 0.3), steps=30)
    assert found.low < 0.5 < found.high


def test_sets_of_two_kinds_can():
    found = two_sample_accuracy(noise(60, 0.1), noise(90, 0.6), steps=60)
    assert found.estimate > 0.95
    assert found.low < found.estimate <= found.high


def test_patches_hide_where_things_are():
    """The same bars, high up in one set and low down in the other: images tell, small patches hardly."""
    high, low = noise(80, 0.02), noise(80, 0.02)
    high[:, 2:4] += 0.9
    low[:, 8:10] += 0.9
    patches = two_sample_accuracy(high, low, steps=40, patch=3)
    assert patches.estimate < 0.75


def test_every_image_gives_one_square_of_its_own():
    images = np.arange(2 * 5 * 6, dtype=np.float32).reshape(2, 5, 6, 1)
    cut = _cut(images, 3, np.random.default_rng(0))
    assert cut.shape == (2, 3, 3, 1)
    for square, whole in zip(cut[..., 0], images[..., 0], strict=True):
        row, column = np.argwhere(whole == square[0, 0])[0]
        np.testing.assert_array_equal(square, whole[row : row + 3, column : column + 3])


def test_follows_from_the_seed():
    one, other = noise(12, 0.1), noise(12, 0.2)
    first = two_sample_accuracy(one, other, steps=3)
    assert two_sample_accuracy(one, other, steps=3) == first


def test_interval_is_that_of_clopper_and_pearson():
    """All right of 2n: low = (alpha / 2)^(1 / 2n), high = 1."""
    dark, light = np.full((20, 8, 8, 1), -0.9, np.float32), np.full((20, 8, 8, 1), 0.9, np.float32)
    found = two_sample_accuracy(dark, light, steps=60)
    assert found.estimate == 1
    assert found.low == pytest.approx(0.025 ** (1 / 40), rel=1e-6)
    assert found.high == 1


def test_half_of_a_set_that_is_like_the_other_cannot_be_told_apart():
    """All of one set and half of the other are dark: at best those are taken for the one set, and 3 in 4 are right."""
    dark, light = np.full((60, 8, 8, 1), -0.9, np.float32), np.full((30, 8, 8, 1), 0.9, np.float32)
    found = two_sample_accuracy(dark, np.concatenate([dark[:30], light]), steps=60)
    assert found.estimate == pytest.approx(0.75, abs=0.02)
    assert found.low < 0.72
    assert found.high > 0.78
    assert found.high - found.low < 0.2  # 120 images: about 2 * 1.96 * sqrt(0.75 * 0.25 / 120) = 0.155


def test_each_image_is_left_out_of_one_training_with_as_many_of_either_set():
    """10 of the 12 images of one set: 20 images, of which folds of 4 + 4, 3 + 3 and 3 + 3 are left out."""
    test = TwoSampleTest(noise(12, 0.1), noise(10, 0.2), steps=2)
    left_out = [set(range(20)) - set(training.rows.tolist()) for training in test.trainings]
    assert sorted(index for fold in left_out for index in fold) == list(range(20))
    assert sorted(len(fold) for fold in left_out) == [6, 6, 8]
    for training, fold in zip(test.trainings, left_out, strict=True):
        assert len(training.images) == 20
        assert training.targets[sorted(fold)].sum(axis=0).tolist() == [len(fold) / 2, len(fold) / 2]


def test_each_image_is_judged_by_the_network_that_left_it_out():
    """The first network says 'one', the others 'other': of its fold half is right, as of the others."""
    test = TwoSampleTest(noise(10, 0.1), noise(10, 0.2), steps=2)
    asked = []

    def judge(images):
        asked.append(images)
        return np.tile([1.0, 0.0], (len(images), 1))

    assert test.accuracy([judge] * 3).estimate == 0.5
    for images, training in zip(asked, test.trainings, strict=True):
        seen = training.images[training.rows]
        assert len(images) + len(seen) == 20
        assert not any(np.array_equal(image, one) for image in images for one in seen)
