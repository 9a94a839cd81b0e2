from __future__ import annotations

import numpy as np
import pytest

from simgan.tasks.average_precision import Detections, WeightedAveragePrecision, correct_boxes, overlaps


def detections(*rows: tuple[int, float, bool]) -> Detections:
    """Rows of image, score and whether right."""
    image, score, right = zip(*rows, strict=True)
    return Detections(np.array(image), np.array(score), np.array(right))


def test_overlaps_by_hand():
    """10x10 and the same moved by 5: 50 in common of 150. Half of it: 50 of 100. Apart: 0."""
    boxes = np.array([[0.0, 0, 10, 10]])
    others = np.array([[5.0, 0, 10, 10], [0, 5, 10, 5], [10, 0, 5, 5], [0, 0, 10, 10]])
    np.testing.assert_allclose(overlaps(boxes, others), [[1 / 3, 0.5, 0, 1]])


def test_each_true_box_is_found_once_by_the_most_certain():
    truth = np.array([[0.0, 0, 10, 10], [20, 0, 10, 10]])
    boxes = np.array([[1.0, 0, 10, 10], [0, 0, 10, 10], [20, 0, 10, 5], [20, 0, 10, 4.9]])
    assert correct_boxes(boxes, truth).tolist() == [True, False, True, False]
    assert correct_boxes(boxes[3:], truth).tolist() == [False]  # 0.49
    assert correct_boxes(boxes, truth[:0]).tolist() == [False] * 4


def test_a_box_takes_what_no_other_took_if_it_overlaps_enough():
    """The second box overlaps the first true box more, by 0.9, and the other by 0.6."""
    truth = np.array([[0.0, 0, 10, 10], [0, 3, 10, 10]])
    boxes = np.array([[0.0, 0, 10, 10], [0, 0.5, 10, 10]])
    assert correct_boxes(boxes, truth).tolist() == [True, True]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # Precision at the three right ones: 1, 2/3, 3/5.
        ([(0, 0.9, 1), (1, 0.8, 0), (1, 0.7, 1), (0, 0.6, 0), (0, 0.5, 1)], (1 + 2 / 3 + 3 / 5) / 3),
        # 1/2 and then 2/3, which counts for both; the third true box is not found.
        ([(0, 0.9, 0), (0, 0.8, 1), (0, 0.7, 1)], (2 / 3 + 2 / 3) / 3),
        ([(0, 0.2, 1), (1, 0.9, 1), (0, 0.5, 1)], 1),
        ([(0, 0.9, 0)], 0),
    ],
)
def test_average_precision_by_hand(rows, expected):
    """Two true boxes in the first image and one in the second."""
    rows = [(image, score, bool(right)) for image, score, right in rows]
    average = WeightedAveragePrecision(detections(*rows), np.array([2.0, 1.0]))
    np.testing.assert_allclose(average(np.ones((1, 2))), [expected])


def test_nothing_found_and_nothing_to_find():
    nothing = Detections(np.zeros(0, int), np.zeros(0), np.zeros(0, bool))
    average = WeightedAveragePrecision(nothing, np.array([1.0, 0.0]))
    np.testing.assert_array_equal(average(np.array([[1.0, 1.0], [0.0, 2.0]])), [0, np.nan])


def by_the_development_kit(score, right, truths: int) -> float:
    """Average precision as the kit of Pascal VOC computes it: the area under the envelope of precision over recall."""
    right = right[np.argsort(-score, kind="stable")]
    recall = np.concatenate([[0], right.cumsum() / truths, [1]])
    precision = np.concatenate([[0], right.cumsum() / np.arange(1, len(right) + 1), [0]])
    for index in range(len(precision) - 2, -1, -1):
        precision[index] = max(precision[index], precision[index + 1])
    return float(np.sum(np.diff(recall) * precision[1:]))


def test_an_image_that_counts_several_times_is_as_several_images():
    random = np.random.default_rng(0)
    image, score, right = random.integers(6, size=40), random.random(40), random.random(40) < 0.4
    truths = np.bincount(image[right], minlength=6) + random.integers(3, size=6)
    weights = np.array([[1, 1, 1, 1, 1, 1], [3, 0, 1, 0, 2, 0], [0, 0, 0, 6, 0, 0]])
    found = WeightedAveragePrecision(Detections(image, score, right), truths.astype(float))(weights.astype(float))
    for value, counts in zip(found, weights, strict=True):
        often = counts[image]
        expected = by_the_development_kit(np.repeat(score, often), np.repeat(right, often), counts @ truths)
        assert value == pytest.approx(expected)
