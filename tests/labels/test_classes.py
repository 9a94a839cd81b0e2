from __future__ import annotations

import numpy as np
import pytest

from simgan.errors import DataError
from simgan.labels import align_classes


def test_masks_get_the_numbers_of_the_other_set():
    masks = np.array([[[0, 1], [2, 1]]], np.uint8)
    aligned = align_classes(masks, ("road", "car", "sky"), ("sky", "road", "tree", "car"), "mask", "test", "train")
    np.testing.assert_array_equal(aligned, [[[1, 3], [0, 3]]])
    assert aligned.dtype == np.uint8


def test_boxes_get_the_numbers_of_the_other_set():
    boxes = np.empty(2, object)
    boxes[0], boxes[1] = np.array([[1.0, 2, 3, 4, 1]]), np.empty((0, 5))
    aligned = align_classes(boxes, ("dog", "cat"), ("cat", "dog"), "boxes", "test", "train")
    assert aligned[0].tolist() == [[1, 2, 3, 4, 0]]
    assert aligned[1].shape == (0, 5)
    assert boxes[0][0, 4] == 1  # the given boxes are as before


def test_a_class_that_is_unknown_but_does_not_occur_is_no_fault(message):
    masks = np.array([[[0, 0]]])
    aligned = align_classes(masks, ("road", "car"), ("road",), "mask", "test", "train")
    np.testing.assert_array_equal(aligned, masks)
    with pytest.raises(DataError) as caught:
        align_classes(masks + 1, ("road", "car"), ("road",), "mask", "test", "train")
    assert "'car'" in message(caught.value)
