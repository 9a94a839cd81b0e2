from __future__ import annotations

import numpy as np
import pytest

from simgan.errors import DataError
from simgan.tasks.boxes import are_boxes, as_boxes, check_boxes, scaled
from tests.boxes import boxes_of


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (boxes_of([[1, 2, 3, 4, 0]], []), True),
        (np.zeros((4, 3, 5)), True),
        (np.zeros((4, 5)), False),
        (np.zeros((4, 3, 4)), False),
        (np.array(["a", "b"], object), False),
        (np.array([np.zeros(5), None], object), False),
    ],
)
def test_what_boxes_are(labels, expected):
    assert are_boxes(labels) == expected


def test_rows_that_fill_up_an_array_are_no_boxes():
    labels = np.zeros((2, 3, 5))
    labels[0, 1] = 1, 2, 3, 4, 5
    labels[1, 0] = np.nan
    first, second = as_boxes(labels)
    assert first.tolist() == [[1, 2, 3, 4, 5]]
    assert second.shape == (0, 5)


def test_classes_of_boxes():
    assert check_boxes(boxes_of([[1, 2, 3, 4, 7]], [], [[0, 0, 9, 9, 2], [1, 1, 4, 4, 7]]), "boxes") == (2, 7)


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (boxes_of([], []), "no box"),
        (boxes_of([[0.1, 0.2, 0.5, 0.8, 0]]), "shares"),
        (boxes_of([[1, 2, 3, 4, 0.5]]), "0, 1, 2"),
        (boxes_of([[1, 2, 3, 4, -1]]), "0, 1, 2"),
    ],
    ids=["none", "shares of the sides", "half a class", "negative class"],
)
def test_boxes_that_cannot_be_learnt_are_one_line(labels, reason, only_line):
    with pytest.raises(DataError) as caught:
        check_boxes(labels, "cars")
    line = only_line(str(caught.value))
    assert "'cars'" in line
    assert reason in line


def test_boxes_are_scaled_with_their_images():
    """20x10 (H x W) and 30x30 to 60x30: 3 times as wide and high; as wide, and twice as high."""
    first, second = scaled(
        boxes_of([[1, 2, 3, 4, 9]], [[1, 2, 3, 4, 9], [5, 6, 7, 8, 1]]), [(20, 10), (30, 30)], (60, 30)
    )
    assert first.tolist() == [[3, 6, 9, 12, 9]]
    assert second.tolist() == [[1, 4, 3, 8, 9], [5, 12, 7, 16, 1]]
