from __future__ import annotations

import keras
import numpy as np
import pytest

from simgan.evaluation.comparison import errors_of_seeds
from simgan.tasks.segmentation import Segmentation, classes_of_masks, nearest_pixels, resized_masks

TASK = Segmentation((0, 1), (2, 2))


def logits(found) -> np.ndarray:
    """(N, C, h, w) whose largest are the positions `found`, (N, h, w)."""
    return np.moveaxis(np.eye(3, dtype=np.float32)[np.asarray(found)], 3, 1)


def error(task, found, truth) -> float:
    (value,) = errors_of_seeds(task.errors(logits(found), np.asarray(truth))[None], task)
    return value


def test_intersection_over_union_by_hand():
    """Class 0: 1 of 2 pixels. Class 1: 2 of 3."""
    found, truth = [[[0, 0], [1, 1]]], [[[0, 1], [1, 1]]]
    assert error(TASK, found, truth) == pytest.approx(1 - (1 / 2 + 2 / 3) / 2)


def test_pixels_of_all_images_are_summed_before_the_division():
    """With a second image that is all of class 0: class 0 has 5 of 6 pixels, class 1 still 2 of 3."""
    found, truth = [[[0, 0], [1, 1]], [[0, 0], [0, 0]]], [[[0, 1], [1, 1]], [[0, 0], [0, 0]]]
    assert error(TASK, found, truth) == pytest.approx(1 - (5 / 6 + 2 / 3) / 2)


def test_an_image_may_count_several_times_or_not_at_all():
    """The first image twice and the second not: 1/2 and 2/3. The second alone has only class 0. None: no error."""
    found, truth = [[[0, 0], [1, 1]], [[0, 0], [0, 0]]], [[[0, 1], [1, 1]], [[0, 0], [0, 0]]]
    of_set = TASK.error_of_set(TASK.errors(logits(found), np.asarray(truth)))
    np.testing.assert_allclose(of_set(np.array([[2.0, 0], [0, 2.0], [0, 0]])), [5 / 12, 0, np.nan])


@pytest.mark.parametrize("unlabelled", [255, -1])
def test_pixels_without_a_label_count_nowhere(unlabelled):
    found, truth = [[[0, 1], [1, 1]]], [[[unlabelled, 0], [1, 1]]]
    assert error(TASK, found, np.array(truth)) == pytest.approx(1 - (0 + 2 / 3) / 2)
    assert TASK.targets(np.array(truth)).tolist() == [[[255, 0], [1, 1]]]


def test_a_class_that_training_did_not_have_is_wrong_wherever_it_is():
    """Its pixel is found to be of class 0, which then has 1 of 2 pixels."""
    assert error(TASK, [[[0, 0], [1, 1]]], [[[7, 0], [1, 1]]]) == pytest.approx(1 - (1 / 2 + 1) / 2)


def test_classes_need_not_be_consecutive():
    task = Segmentation((0, 4, 9), (1, 3))
    assert task.targets(np.array([[[9, 4, 0]]], np.int64)).tolist() == [[[2, 1, 0]]]
    assert task.targets(np.array([[[5, 10, 4]]], np.uint8)).tolist() == [[[254, 254, 1]]]
    assert error(task, [[[2, 1, 0]]], [[[9, 4, 0]]]) == 0


def test_masks_of_booleans():
    assert TASK.targets(np.array([[[True, False], [False, True]]])).tolist() == [[[1, 0], [0, 1]]]


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([0, 1, 2, 255], (0, 1, 2)),
        ([-1, 0, 3], (0, 3)),
        ([0, 255], (0, 255)),  # a picture in black and white
        ([255, 1], (1,)),
        ([0, 128, 255], (0, 128)),
    ],
)
def test_classes_of_masks(values, classes):
    assert classes_of_masks(np.array([[values]])) == classes


def test_white_is_a_class_in_black_and_white_masks():
    task = Segmentation((0, 255), (1, 2))
    assert task.targets(np.array([[[255, 0]]], np.uint8)).tolist() == [[[1, 0]]]


def test_large_masks_are_reduced_to_the_maps_of_the_network():
    """200x290: averaged by 3 to 67x97. The last of 67 groups is padded by one pixel, of which Keras puts none before;
    97 groups of 3 are padded by one as well."""
    task = Segmentation((0, 1), (200, 290))
    masks = np.zeros((1, 200, 290), np.uint8)
    masks[0, 99:102, 30:60] = 1  # the 34th group of rows, groups 11 to 20 of columns
    reduced = task.targets(masks)[0]
    assert reduced.shape == (67, 97)
    assert task.network(200, 290, 1, 2).output_shape == (None, 2, 67, 97)
    expected = np.zeros((67, 97))
    expected[33, 10:20] = 1
    np.testing.assert_array_equal(reduced, expected)


@pytest.mark.parametrize(("side", "shrink"), [(9, 2), (10, 3), (11, 3), (12, 5), (7, 1)])
def test_pixels_are_those_in_the_middle_of_what_keras_averages(side, shrink):
    """The mean of 0, 1, 2, ... over each group is its middle; the padding counts nowhere."""
    column = np.arange(side, dtype=np.float32)[None, None, :, None]
    pool = keras.layers.AveragePooling2D((shrink, 1), padding="same", data_format="channels_first")
    middles = keras.ops.convert_to_numpy(pool(column)).ravel()
    assert np.abs(nearest_pixels(side, shrink) - middles).max() <= shrink / 2
    inner = middles[1:-1]
    assert np.abs(nearest_pixels(side, shrink)[1:-1] - inner).max(initial=0) <= 0.5


def test_loss_by_hand():
    """Logits log 3 and 0: probabilities 3/4 and 1/4. One pixel of each class, and two that do not count."""
    outputs = np.zeros((1, 2, 2, 2), np.float32)
    outputs[:, 0] = np.log(3)
    loss = TASK.loss(*map(keras.ops.convert_to_tensor, (outputs, np.array([[[0, 1], [254, 255]]], np.float32))))
    assert float(loss) == pytest.approx((np.log(4 / 3) + np.log(4)) / 2, rel=1e-5)


def test_loss_of_an_image_without_labels_is_nothing():
    outputs = keras.ops.convert_to_tensor(np.ones((1, 2, 2, 2), np.float32))
    assert float(TASK.loss(outputs, keras.ops.convert_to_tensor(np.full((1, 2, 2), 255, np.float32)))) == 0


def squares(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise with a brighter rectangle of class 1 or a darker one of class 2, and the masks."""
    random = np.random.default_rng(seed)
    images = random.normal(0, 0.1, (count, 20, 24, 1)).astype(np.float32)
    masks = np.zeros((count, 20, 24), np.uint8)
    for image, mask in zip(images, masks, strict=True):
        y, x, height, width = *random.integers(0, 12, 2), *random.integers(5, 9, 2)
        kind = random.integers(2)
        image[y : y + height, x : x + width] += (0.6, -0.6)[kind]
        mask[y : y + height, x : x + width] = 1 + kind
    return images, masks


def test_learns_to_segment(learn):
    (images, masks), (others, truth) = squares(64, 0), squares(40, 1)
    task = Segmentation((0, 1, 2), (20, 24))
    estimator = learn(task, images, masks)
    (found,) = errors_of_seeds(task.errors(estimator(others), truth)[None], task)
    assert found < 0.2  # all background: 1 - (0.85 + 0 + 0) / 3, above 0.7


def test_masks_are_resized_as_images_are():
    masks = np.array([[[1, 2], [3, 4]]])
    assert resized_masks(masks, (4, 2)).tolist() == [[[1, 2], [1, 2], [3, 4], [3, 4]]]
    wide = np.arange(9)[None, None]
    assert resized_masks(wide, (1, 3)).tolist() == [[[1, 4, 7]]]
