from __future__ import annotations

import numpy as np
import pytest

from simgan.tasks.lost_label import lost_by_each_image
from simgan.tasks.task import Angle, Classification, Points, Vector


def logits(classes) -> np.ndarray:
    return np.eye(3, dtype=np.float32)[np.array(classes)] * 5


def test_classes_are_lost_where_only_the_refined_image_is_misread():
    """Of four images one is misread before, and does not count; one is misread after."""
    task, true = Classification((0, 1, 2)), np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    assert lost_by_each_image(task, logits([0, 1, 1, 0]), logits([0, 2, 1, 0]), true).tolist() == [0, 1, 0]
    assert not lost_by_each_image(task, logits([0, 1, 1, 0]), logits([0, 1, 2, 0]), true).any()


def test_other_labels_are_lost_by_how_much_what_is_read_changes():
    east, north = np.array([[2.0, 0, 0]]), np.array([[0, 0.5, 0]])
    assert lost_by_each_image(Angle(), east, north, east) == pytest.approx(90)
    before, after = np.array([[1.0, 2, 5, 5]]), np.array([[4.0, 6, 5, 5]])  # 5 px and 0 px
    assert lost_by_each_image(Points("corners", (12, 10)), before, after, before) == pytest.approx(2.5)
    assert lost_by_each_image(Vector(), before, after, before) == pytest.approx(7 / 4)
