from __future__ import annotations

import json

import numpy as np
import pytest

from simgan.errors import DataError
from simgan.images import open_images

NAMES = ["images/a.png", "images/b.png", "images/c.png"]


def coco(**changes):
    """Two objects in a, one in b, none in c; category ids with a gap."""
    document = {
        "images": [
            {"id": 7, "file_name": "b.png", "width": 20, "height": 10},
            {"id": 5, "file_name": "a.png", "width": 20, "height": 10},
            {"id": 9, "file_name": "images/c.png"},
        ],
        "annotations": [
            {"id": 1, "image_id": 5, "category_id": 8, "bbox": [1, 2, 3, 4]},
            {"id": 2, "image_id": 7, "category_id": 3, "bbox": [0, 0, 20, 10.5]},
            {"id": 3, "image_id": 5, "category_id": 3, "bbox": [5, 5, 1, 1], "iscrowd": 0},
            {"id": 4, "image_id": 5, "category_id": 3, "bbox": [0, 0, 20, 10], "iscrowd": 1},
        ],
        "categories": [{"id": 8, "name": "car"}, {"id": 3, "name": "person"}],
    }
    return document | changes


def test_boxes_in_pixels_with_classes_by_ascending_id(folder):
    with open_images(folder(NAMES, {"annotations/instances.json": coco()})) as source:
        assert source.label_names == ("boxes",)
        a, b, c = source.labels("boxes")
        np.testing.assert_array_equal(a, [[1, 2, 3, 4, 1], [5, 5, 1, 1, 0]])  # the crowd is left out
        np.testing.assert_array_equal(b, [[0, 0, 20, 10.5, 0]])
        assert c.shape == (0, 5)
        assert source.label_classes("boxes") == ("person", "car")
        assert source.labels("boxes", [1])[0].tolist() == b.tolist()
        assert not [note for note in source.notes() if "other file(s)" in note]


def test_images_of_several_files_have_the_classes_of_all(folder):
    one = coco(
        images=[{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}],
        annotations=[{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1]}],
        categories=[{"id": 1, "name": "dog"}],
    )
    other = coco(
        images=[{"id": 1, "file_name": "c.png"}],
        annotations=[{"image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 2]}],
        categories=[{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
    )
    with open_images(folder(NAMES, {"train.json": one, "val.json": other})) as source:
        assert [boxes.tolist() for boxes in source.labels("boxes")] == [[[0, 0, 1, 1, 0]], [], [[0, 0, 2, 2, 1]]]
        assert source.label_classes("boxes") == ("dog", "cat")


def test_keypoints_of_the_largest_object(folder):
    annotations = [
        {"image_id": 5, "category_id": 3, "bbox": [0, 0, 2, 2], "keypoints": [9, 9, 2, 9, 9, 2]},
        {"image_id": 5, "category_id": 3, "bbox": [0, 0, 5, 5], "keypoints": [1, 2, 2, 0, 0, 0]},
        {"image_id": 7, "category_id": 3, "bbox": [0, 0, 5, 5], "keypoints": [3, 4, 1, 5, 6, 2]},
        {"image_id": 9, "category_id": 3, "bbox": [0, 0, 5, 5], "keypoints": [0, 0, 0, 0, 0, 0]},
    ]
    with open_images(folder(NAMES, {"k.json": coco(annotations=annotations)})) as source:
        assert source.label_names == ("boxes", "keypoints")
        nan = np.nan
        expected = [[[1, 2], [nan, nan]], [[3, 4], [5, 6]], [[nan, nan], [nan, nan]]]
        np.testing.assert_array_equal(source.labels("keypoints"), expected)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"images": [{"id": 5, "file_name": "a.png", "width": 40, "height": 20}]}, "20x40"),
        ({"images": [{"id": 5, "file_name": "a.png"}, {"id": 1}]}, "'file_name'"),
        ({"images": [{"id": "5", "file_name": "a.png"}]}, "'id'"),
        ({"images": [{"id": 5, "file_name": "b.png"}]}, "'images/a.png'"),
        ({"categories": []}, "category id"),
        ({"categories": {"1": "car"}}, "'categories'"),
        ({"annotations": [{"image_id": 5, "category_id": 8, "bbox": [1, 2, 3]}]}, "'bbox'"),
        ({"annotations": [{"image_id": 5, "category_id": 8, "bbox": [1, 2, -3, 4]}]}, "-3"),
        ({"annotations": [{"image_id": 5, "category_id": 8, "bbox": [1, 2, 10**400, 4]}]}, "'bbox'"),
        ({"annotations": [{"image_id": 5, "category_id": 8, "bbox": [float("nan"), 2, 3, 4]}]}, "'bbox'"),
        ({"annotations": [{"image_id": 5, "category_id": 8, "bbox": ["1\n", 2, 3, 4]}]}, "'bbox'"),
        ({"annotations": [{"image_id": 5, "bbox": [1, 2, 3, 4]}]}, "'category_id'"),
    ],
)
def test_faults_of_a_file(folder, changes, says, message):
    with open_images(folder(NAMES, {"coco.json": coco(**changes)})) as source, pytest.raises(DataError) as caught:
        source.labels("boxes", [0])
    assert says in message(caught.value)


@pytest.mark.parametrize("end", ["", "]" * 9, ', "x": ' + "[" * 200_000, "\ud800"])
def test_a_damaged_file(folder, end, message):
    text = json.dumps(coco())[:-1] + end
    path = folder(NAMES, {"coco.json": text.encode("utf-8", "surrogatepass")})
    with open_images(path) as source, pytest.raises(DataError) as caught:
        source.labels("boxes")
    assert "coco.json" in message(caught.value)


def test_keypoints_of_several_numbers(folder, message):
    annotations = [
        {"image_id": image, "category_id": 3, "bbox": [0, 0, 2, 2], "keypoints": [1, 1, 2] * count}
        for image, count in ((5, 1), (7, 2))
    ]
    with open_images(folder(NAMES, {"k.json": coco(annotations=annotations)})) as source:
        with pytest.raises(DataError) as caught:
            source.labels("keypoints")
        assert "1, 2" in message(caught.value)


def test_a_file_without_boxes_is_noted(folder):
    with open_images(folder(NAMES, {"coco.json": coco(annotations=[])})) as source:
        assert source.label_names == ()
        assert "no annotations with boxes" in " ".join(source.notes())
