import numpy as np
import pytest

from simgan.errors import DataError
from simgan.tasks.points import as_points, on_image

SIZE = (20, 30)


def test_one_point_an_image_is_a_list_of_one():
    points = as_points(np.array([[3.0, 4.0], [29.0, 19.0]]), SIZE, "p")
    assert points.tolist() == [[[3, 4]], [[29, 19]]]


def test_several_points_stay():
    labels = np.arange(12.0).reshape(2, 3, 2)
    np.testing.assert_array_equal(as_points(labels, SIZE, "p"), labels)
    assert as_points(labels.astype(np.int16), SIZE, "p").dtype == np.float64


def test_masks_give_the_centre_of_each_class():
    masks = np.zeros((2, *SIZE), np.uint8)
    masks[:, 2:5, 10:13] = 1  # rows 2 to 4, columns 10 to 12
    masks[0, 10, 20:22], masks[1, 19, 29] = 7, 7
    assert as_points(masks, SIZE, "m").tolist() == [[[11, 3], [20.5, 10]], [[11, 3], [29, 19]]]


def test_truth_masks_are_one_class():
    masks = np.zeros((1, *SIZE), bool)
    masks[0, 4, 6] = True
    assert as_points(masks, SIZE, "m").tolist() == [[[6, 4]]]


@pytest.mark.parametrize(
    "labels",
    [
        np.zeros((4, 3)),
        np.full((4, 2), 0.3),  # pitch and yaw, not pixels
        np.full((4, 2), 100.0),  # beyond the image
        np.zeros((4, 10, 10), int),  # a mask of another size
        np.zeros((4, *SIZE), int),  # a mask of nothing
        np.ones((4, *SIZE)),  # a mask of numbers that are not whole
        np.tile(np.arange(600).reshape(SIZE) % 66, (4, 1, 1)),  # 65 classes and the background
        np.full((4, 1, 1, 2), 5.0),  # an axis too many
        np.array([["a", "b"]] * 4),
    ],
    ids=["three", "angles", "beyond", "small mask", "empty mask", "floats", "classes", "axes", "words"],
)
def test_what_is_no_point_is_one_line(labels, only_line):
    with pytest.raises(DataError) as caught:
        as_points(labels, SIZE, "thing")
    assert "'thing'" in only_line(str(caught.value))


def test_class_missing_in_one_image_is_one_line(only_line):
    masks = np.ones((3, *SIZE), int)
    masks[1] = 0
    with pytest.raises(DataError) as caught:
        as_points(masks, SIZE, "m")
    assert "in 1 image(s), the first with index 1" in only_line(str(caught.value))


def test_points_may_leave_the_image_in_some_images():
    points = np.array([[5.0, 5.0], [6.0, 5.0], [-8.0, 5.0]])
    assert on_image(points, SIZE)
    assert not on_image(points - 20, SIZE)


def test_a_mask_may_have_64_classes():
    masks = np.tile(np.arange(600).reshape(SIZE) % 65, (2, 1, 1))
    assert as_points(masks, SIZE, "m").shape == (2, 64, 2)


def test_images_without_a_class_are_counted(only_line):
    masks = np.ones((4, *SIZE), int)
    masks[:, 0, 0] = [5, 1, 1, 1]
    with pytest.raises(DataError) as caught:
        as_points(masks, SIZE, "m")
    assert "no class 5 in 3 image(s), the first with index 1" in only_line(str(caught.value))


def test_the_image_ends_half_a_pixel_beyond_its_outer_pixels():
    for point, on in [
        ((29.5, 19.5), True),
        ((-0.5, 19.5), True),
        ((29.5, -0.5), True),
        ((29.6, 5), False),
        ((5, 19.6), False),
        ((-0.6, 5), False),
        ((5, -0.6), False),
    ]:
        assert on_image(np.array([point]), SIZE) == on


def test_more_than_half_of_the_points_must_be_on_the_image():
    assert not on_image(np.array([[5.0, 5.0], [50.0, 5.0]]), SIZE)
    assert on_image(np.array([[5.0, 5.0], [50.0, 5.0], [6.0, 5.0]]), SIZE)
    # Two points in each of three images: both are on the first image, none on the others.
    points = np.array([[[5.0, 5.0]] * 2, [[50.0, 5.0]] * 2, [[50.0, 5.0]] * 2])
    assert not on_image(points, SIZE)


def test_points_all_in_the_corner_up_to_2_are_no_pixels():
    assert not on_image(np.array([[1.0, 2.0], [2.0, 0.0]]), SIZE)
    assert on_image(np.array([[1.0, 2.0], [2.1, 0.0]]), SIZE)
