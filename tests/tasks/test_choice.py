from __future__ import annotations

import numpy as np
import pytest

from simgan.errors import DataError
from simgan.tasks.choice import choose_task
from tests.boxes import boxes_of

SIZE = (20, 30)
PIXELS = np.array([[3.0, 4.0], [29.0, 19.0], [15.0, 7.0]])
MASKS = np.arange(3 * 600).reshape(3, *SIZE).astype(np.uint8) % 4


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("gaze", np.zeros((3, 2)), "angle"),
        ("head_pose", np.zeros((3, 2), np.float32), "angle"),
        ("look", np.array([[0, 0, -1.0], [0.6, 0.8, 0]]), "angle"),
        ("colour", np.array([[0, 0.2, 0.3], [0.6, 0.8, 0]]), "vector"),
        ("iris", PIXELS, "points"),
        ("lid", np.stack([PIXELS, PIXELS]), "points"),
        ("mask", np.ones((3, *SIZE), np.uint8), "points"),
        ("mask", MASKS == 1, "segmentation"),
        ("mask", MASKS, "segmentation"),
        ("mask", MASKS.astype(np.int64) * 100, "segmentation"),
        ("depth", np.arange(3 * 600, dtype=np.uint16).reshape(3, *SIZE), "points"),  # far too many classes
        ("cars", boxes_of([[1, 2, 3, 4, 0]], []), "detection"),
        ("cars", np.full((3, 4, 5), 3), "detection"),
        ("gaze", np.full((3, 2), 25.0), "vector"),  # no radians
        ("offset", PIXELS / 100, "vector"),
        ("age", np.array([1.5, 2.0]), "vector"),
        ("digit", np.array([3, 1, 3]), "classification"),
        ("open", np.array([True, False]), "classification"),
        ("kind", np.array(["cat", "dog"]), "classification"),
    ],
)
def test_task_follows_from_name_shape_and_type(name, labels, expected):
    assert choose_task(name, labels, SIZE).name == expected


def test_task_can_be_chosen():
    assert choose_task("age", np.array([3, 5]), SIZE, "vector").name == "vector"


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        (np.zeros((3, 2, 4, 5)), None),
        (np.zeros((3, 5)), "angle"),
        (np.array(["a", "b"]), "vector"),
        (np.zeros((3, 5, 6), np.uint8), "segmentation"),
        (boxes_of([[1, 2, 3, 4, 0]]), "classification"),
        (np.zeros((3, 4)), "detection"),
    ],
    ids=["shape", "angle of five", "vector of words", "masks of another size", "boxes as classes", "boxes of four"],
)
def test_label_that_cannot_be_learnt_is_one_line(labels, wanted, only_line):
    with pytest.raises(DataError) as caught:
        choose_task("thing", labels, SIZE, wanted)
    assert "'thing'" in only_line(str(caught.value))


def test_masks_may_be_points_all_the_same():
    assert choose_task("mask", MASKS, SIZE, "points").name == "points"


def test_classes_of_masks_and_of_boxes_are_those_of_the_training_images():
    assert choose_task("mask", np.where(MASKS == 3, 255, MASKS), SIZE).classes == (0, 1, 2)
    assert choose_task("cars", boxes_of([[1, 2, 3, 4, 5]], [[1, 2, 3, 4, 2]]), SIZE).classes == (2, 5)


@pytest.mark.parametrize(
    ("labels", "count"),
    [(np.ones((3, *SIZE), np.uint8), "received 1;"), (np.arange(600).reshape(1, *SIZE) // 3, "received 200;")],
    ids=["one class", "a depth"],
)
def test_masks_of_one_or_of_very_many_classes_are_not_segmented(labels, count, only_line):
    with pytest.raises(DataError) as caught:
        choose_task("mask", labels, SIZE, "segmentation")
    assert count in only_line(str(caught.value))
