from __future__ import annotations

import keras
import numpy as np
import pytest

from simgan.evaluation.comparison import errors_of_seeds
from simgan.tasks.detection import Detection, focal_loss
from tests.boxes import boxes_of

TASK = Detection((3, 8), (32, 40))


def as_outputs(targets: np.ndarray) -> np.ndarray:
    """Outputs of a network that has learnt the targets (N, C + 5, h, w) by heart."""
    outputs = targets[:, :-1].astype(np.float32)
    outputs[:, :-4] = np.where(outputs[:, :-4] == 1, 6, -9)
    return outputs


def error(task, outputs, labels) -> float:
    (value,) = errors_of_seeds(task.errors(outputs, labels)[None], task)
    return value


def test_targets_by_hand():
    """A box 8x4 at (6, 14): its centre (10, 16) is in the cell of row 4 and column 2, at (0.5, 0) of it."""
    (maps,) = TASK.targets(boxes_of([[6, 14, 8, 4, 8]]))
    assert maps.shape == (2 + 5, 8, 10)
    assert maps[0].max() == 0  # class 3
    assert maps[1, 4, 2] == 1
    assert (maps[1] == 1).sum() == 1
    # Standard deviation 0.5 cells: exp(-2) beside it.
    assert maps[1, 4, 3] == maps[1, 3, 2] == pytest.approx(np.exp(-2), rel=1e-3)
    np.testing.assert_allclose(maps[2:, 4, 2], [0.5, 0, np.log(2), 0, 1], atol=1e-3)
    assert maps[-1].sum() == 1


def test_large_boxes_have_wide_peaks():
    """80 px are 20 cells: a standard deviation of 1.8."""
    (maps,) = Detection((0,), (128, 128)).targets(boxes_of([[22, 22, 80, 20, 0]]))
    row, column = 8, 15
    assert maps[0, row, column] == 1
    assert maps[0, row, column + 2] == pytest.approx(np.exp(-((2 / 1.8) ** 2) / 2), rel=1e-2)


def test_of_two_boxes_in_one_cell_the_smaller_is_learnt():
    boxes = [[8, 8, 4, 4, 3], [2, 2, 16, 16, 3]]
    for order in (boxes, boxes[::-1]):
        (maps,) = TASK.targets(boxes_of(order))
        assert maps[-1].sum() == 1
        np.testing.assert_allclose(maps[4:6, 2, 2], np.log(1), atol=1e-3)


def test_boxes_of_other_classes_and_beyond_the_border():
    (maps,) = TASK.targets(boxes_of([[4, 4, 8, 8, 5], [36, 30, 10, 10, 3]]))
    assert maps[1].max() == 0
    assert maps[0, 7, 9] == 1  # the last cell


def test_learnt_targets_are_the_boxes():
    labels = boxes_of([[6, 14, 8, 4, 8], [20, 3, 9, 11, 3]], [], [[0, 0, 5, 30, 3]])
    outputs = as_outputs(TASK.targets(labels))
    first = TASK.boxes_in(outputs[0])
    assert first.shape == (2, 6)
    in_order = first[np.argsort(-first[:, 5])]
    np.testing.assert_allclose(in_order[:, :4], [[6, 14, 8, 4], [20, 3, 9, 11]], atol=0.05)
    assert in_order[:, 5].tolist() == [1, 0]  # positions of classes 8 and 3
    np.testing.assert_allclose(first[:, 4], 1 / (1 + np.exp(-6)))
    assert TASK.boxes_in(outputs[1]).shape == (0, 6)
    assert error(TASK, outputs, labels) == 0


def test_images_that_are_averaged_down_have_boxes_in_px():
    """512x500 is averaged by 4: a cell is 16 px, and the map 32x32."""
    task = Detection((0,), (512, 500))
    labels = boxes_of([[100, 200, 60, 70, 0]])
    targets = task.targets(labels)
    assert targets.shape == (1, 6, 32, 32)
    assert task.network(512, 500, 1, task.outputs).output_shape == (None, 5, 32, 32)
    (box,) = task.boxes_in(as_outputs(targets)[0])
    np.testing.assert_allclose(box[:4], [100, 200, 60, 70], atol=0.1)


def test_neighbours_of_a_peak_are_no_boxes():
    outputs = np.full((6, 8, 10), -9.0, np.float32)
    outputs[0, 3, 3:6] = 1, 2, 1.5
    outputs[1, 3, 3] = 0.5  # another class
    found = TASK.boxes_in(outputs)
    np.testing.assert_allclose(found[:, 4], [1 / (1 + np.exp(-2)), 1 / (1 + np.exp(-0.5))])
    assert found[:, 5].tolist() == [0, 1]


def test_error_by_hand():
    """Class 3: found with 0.9 in the first image, and a wrong one with 0.95 in the second: precision 1/2 for one of
    two boxes. Class 8: its box in the second image is not found. So AP50 is (1/4 + 0) / 2."""
    labels = boxes_of([[4, 4, 8, 8, 3]], [[20, 20, 8, 8, 3], [4, 4, 8, 8, 8]])
    outputs = np.full((2, 6, 8, 10), -9.0, np.float32)
    outputs[:, -4:-2] = 0
    outputs[:, -2:] = np.log(2)
    outputs[0, 0, 2, 2] = np.log(9)
    outputs[1, 0, 2, 2] = np.log(19)  # where a box of class 8 is
    assert error(TASK, outputs, labels) == pytest.approx(1 - 1 / 8)
    of_set = TASK.error_of_set(TASK.errors(outputs, labels))
    # The first image alone has only class 3, of which all is found; the second alone only what is not found.
    np.testing.assert_allclose(of_set(np.array([[2.0, 0], [0, 2]])), [0, 1])


def test_focal_loss_by_hand():
    """p is 1/2: (1/2)^2 log 2 at a peak and at 0; times (1 - 1/2)^4 beside a peak."""
    values = np.array([[[[1.0, 0.0, 0.5]]]], np.float32)
    loss = focal_loss(*map(keras.ops.convert_to_tensor, (np.zeros_like(values), values)))
    assert float(loss) == pytest.approx((0.25 + 0.25 + 0.25 / 16) * np.log(2), rel=1e-5)


def test_loss_by_hand():
    """One cell with a box of its size: place (1/2, 1/2), size (0, 0). Errors 1/2, 1/2, 1 and 2."""
    task = Detection((0,), (4, 4))
    targets = task.targets(boxes_of([[0, 0, 4, 4, 0]])).astype(np.float32)
    outputs = np.array([0, 0, 0, 1, -2], np.float32).reshape(1, 5, 1, 1)
    loss = task.loss(*map(keras.ops.convert_to_tensor, (outputs, targets)))
    assert float(loss) == pytest.approx(0.25 * np.log(2) + 4, rel=1e-5)


def scenes(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise with up to two rectangles, bright ones of class 0 and dark ones of class 1, and the boxes."""
    random = np.random.default_rng(seed)
    images = random.normal(0, 0.1, (count, 32, 40, 1)).astype(np.float32)
    boxes = []
    for image in images:
        rows = []
        for left in (0, 20)[: random.integers(1, 3)]:
            y, x, height, width = random.integers(12), left + random.integers(8), *random.integers(8, 13, 2)
            kind = random.integers(2)
            image[y : y + height, x : x + width] += (0.7, -0.7)[kind]
            rows.append([x, y, width, height, kind])
        boxes.append(rows)
    return images, boxes_of(*boxes)


def test_learns_to_detect(learn):
    (images, boxes), (others, truth) = scenes(96, 0), scenes(40, 1)
    task = Detection((0, 1), (32, 40))
    estimator = learn(task, images, boxes)
    assert error(task, estimator(others), truth) < 0.4
