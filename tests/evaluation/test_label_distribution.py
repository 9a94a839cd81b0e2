import numpy as np
import pytest

from simgan.evaluation.label_distribution import compare_labels
from simgan.tasks.detection import Detection
from simgan.tasks.segmentation import Segmentation
from simgan.tasks.task import Angle, Classification, Points, Vector
from tests.boxes import boxes_of


def test_equal_numbers_do_not_differ():
    labels = np.array([[1.0, 10.0], [3.0, 30.0]])
    found = compare_labels(Vector(), labels, labels[::-1])
    assert not found.differs
    assert found.sentence == ("Labels, mean +- standard deviation: synthetic 2 +- 1, 20 +- 10; real 2 +- 1, 20 +- 10.")


@pytest.mark.parametrize(
    ("real", "differs"),
    [
        ([1.4, 3.4], False),  # moved by 0.4 of the deviation of 1
        ([1.6, 3.6], True),
        ([0.4, 2.4], True),
        ([1.4, 2.6], False),  # deviation 0.6
        ([1.6, 2.4], True),  # deviation 0.4
        ([0.1, 3.9], False),  # deviation 1.9
        ([-0.1, 4.1], True),  # deviation 2.1
    ],
)
def test_numbers_differ_by_mean_or_by_deviation(real, differs):
    assert compare_labels(Vector(), np.array([1.0, 3.0]), np.array(real)).differs == differs


def test_one_number_of_several_is_enough():
    synthetic = np.array([[1.0, 1.0], [3.0, 3.0]])
    assert compare_labels(Vector(), synthetic, synthetic + np.array([0.0, 0.6])).differs


def test_numbers_that_never_vary_differ_only_if_they_move():
    assert not compare_labels(Vector(), np.full(4, 0.1), np.full(3, 0.1)).differs
    assert compare_labels(Vector(), np.full(4, 0.1), np.full(3, 0.2)).differs


def test_at_most_eight_numbers_are_named():
    labels = np.arange(20.0).reshape(2, 10)
    sentence = compare_labels(Vector(), labels, labels).sentence
    assert sentence.count("+-") - 1 == 2 * 8  # once in 'mean +- standard deviation'
    assert "the first 8 of 10 numbers" in sentence
    assert "first" not in compare_labels(Vector(), labels[:, :8], labels[:, :8]).sentence


def test_directions_are_compared_as_unit_vectors():
    """Pitch 0: yaw is all. To both sides by 0.1 or 0.5; the sentence says of what its three numbers are."""
    near, far = (np.array([[0.0, -yaw], [0.0, yaw]]) for yaw in (0.1, 0.5))
    found = compare_labels(Angle(), near, far)
    assert found.differs
    assert f"{np.sin(0.1):.2g}" in found.sentence
    assert f"{np.sin(0.5):.2g}" in found.sentence
    assert found.sentence.startswith("Labels, mean +- standard deviation of the unit vectors' x, y, z: synthetic ")


def test_points_are_compared_in_pixels():
    points = np.array([[[2.0, 4.0]], [[4.0, 8.0]]])
    found = compare_labels(Points("iris", (10, 10)), points, points)
    assert "3 +- 1, 6 +- 2" in found.sentence
    assert not found.differs


def test_classes_in_other_proportions():
    """a, b: 1/2 and 1/2 against 3/4 and 1/4: a quarter would have to change, which is no more than a quarter."""
    synthetic, real = np.array(["a", "b"] * 4), np.array(["a"] * 6 + ["b"] * 2)
    found = compare_labels(Classification(("a", "b")), synthetic, real)
    assert not found.differs
    assert found.sentence == (
        "Labels, share of synthetic and of real images: a: 50% and 75%, b: 50% and 25%. Total variation distance 0.25."
    )
    found = compare_labels(Classification(("a", "b")), synthetic, np.array(["a"] * 7 + ["b"]))
    assert found.differs
    assert "a: 50% and 88%" in found.sentence


def test_classes_that_one_set_lacks_and_bytes_are_words():
    found = compare_labels(Classification(("a",)), np.array([b"a", b"a"]), np.array(["a", "new"]))
    assert "a: 100% and 50%" in found.sentence
    assert "new: 0% and 50%" in found.sentence
    assert found.differs


def test_the_eight_most_different_of_many_classes_are_named():
    """Of 90 images, one of class 0 is of class 9 in the other set; those between do not differ, and 7 and 8 go."""
    synthetic = np.repeat(np.arange(10), 9)
    real = np.concatenate([synthetic[1:], [9]])
    sentence = compare_labels(Classification(tuple(range(10))), synthetic, real).sentence
    assert sentence == (
        "Labels, share of synthetic and of real images: 0: 10% and 9%, 9: 10% and 11%, 1: 10% and 10%, 2: 10% and "
        "10%, 3: 10% and 10%, 4: 10% and 10%, 5: 10% and 10%, 6: 10% and 10%; the 8 most different of 10 classes. "
        "Total variation distance 0.01."
    )


def test_classes_of_pixels():
    """Half and half against a quarter and three quarters; pixels without a label count nowhere."""
    synthetic, real = np.array([[[0, 1], [1, 0]]]), np.array([[[0, 1], [1, 1]], [[255, -1], [255, -1]]])
    found = compare_labels(Segmentation((0, 1), (2, 2)), synthetic, real)
    assert found.sentence == (
        "Labels, share of synthetic and of real pixels: 0: 50% and 25%, 1: 50% and 75%. Total variation distance 0.25."
    )
    assert not found.differs
    assert compare_labels(Segmentation((0, 1), (2, 2)), synthetic, np.ones((1, 2, 2), int)).differs


@pytest.mark.parametrize(
    ("real", "differs"),
    [
        ([[1, 2, 10, 20, 0], [1, 2, 12, 26, 1]], False),
        ([[1, 2, 10, 20, 0], [1, 2, 12, 26, 0]], True),  # another class
        ([[1, 2, 20, 20, 0], [1, 2, 22, 26, 1]], True),  # wider
        ([[1, 2, 10, 20, 0], [1, 2, 12, 26, 1]] * 3, True),  # more in each image
    ],
)
def test_boxes_by_class_size_and_number(real, differs):
    synthetic = boxes_of([[5, 5, 10, 20, 0]], [[9, 9, 12, 26, 1], [5, 5, 10, 20, 0], [9, 9, 12, 26, 1]])
    assert compare_labels(Detection((0, 1), (40, 40)), synthetic, boxes_of(real)).differs == differs


def test_sentence_of_boxes():
    synthetic = boxes_of([[5, 5, 10, 20, 0]], [[9, 9, 12, 26, 1], [5, 5, 10, 20, 0], [9, 9, 12, 26, 1]])
    real = boxes_of([[1, 2, 10, 20, 0], [1, 2, 12, 26, 1]], [])
    assert compare_labels(Detection((0, 1), (40, 40)), synthetic, real).sentence == (
        "Labels, share of synthetic and of real boxes: 0: 50% and 50%, 1: 50% and 50%. Total variation distance 0.00. "
        "Labels, mean +- standard deviation of the boxes' width and height: synthetic 11 +- 1, 23 +- 3; real 11 +- 1, "
        "23 +- 3. Boxes in an image: synthetic 2; real 1."
    )
