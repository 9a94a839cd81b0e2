import keras
import numpy as np
import pytest

from simgan.tasks.choice import choose_task
from simgan.tasks.task import Angle, Classification, Points, Vector, smooth_l1

SIZE = (20, 30)


def test_angles_are_between_directions_whatever_their_length():
    task = Angle()
    truth = np.array([[0.0, 0.0, -1.0], [0.0, -1.0, 0.0]])
    given = np.array([[0.0, 0.0, -5.0], [0.0, -1.0, -1.0]], np.float32)
    assert task.errors(given, truth) == pytest.approx([0, 45], abs=1e-4)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((10, 20), (10, 20), 0),
        ((0, 0), (0, 90), 90),
        ((0, 0), (90, 0), 90),
        ((0, 0), (0, 180), 180),
        ((0, 0), (0, 7.5), 7.5),
        ((5, 0), (-5, 0), 10),
        ((30, 0), (30, 60), 51.31781255),  # arccos(1/4 + 3/4 * 1/2)
        ((60, 0), (60, 180), 60),
    ],
)
def test_angle_between_two_directions_of_pitch_and_yaw(first, second, expected):
    given, truth = (np.radians([direction]) for direction in (first, second))
    assert Angle().errors(Angle().targets(given), truth) == pytest.approx([expected], abs=0.03)  # of float32 near 0
    assert Angle().errors(Angle().targets(truth), given) == pytest.approx([expected], abs=0.03)


def test_pitch_and_yaw_are_the_direction_of_the_data_sets():
    """(-cos p sin y, -sin p, -cos p cos y): straight ahead, 90 degrees up, 90 degrees aside."""
    half = np.pi / 2
    targets = Angle().targets(np.array([[0, 0], [half, 0], [0, half]]))
    np.testing.assert_allclose(targets, [[0, 0, -1], [0, -1, 0], [-1, 0, 0]], atol=1e-6)


def test_points_are_scored_by_their_mean_distance():
    truth = np.array([[[3.0, 4.0], [10.0, 10.0]]])
    assert Points("p", SIZE).errors(np.array([[0, 0, 10, 11]], np.float32), truth) == pytest.approx([3])  # 5 and 1


def test_vectors_are_scored_by_their_mean_absolute_error():
    assert Vector().errors(np.array([[1.0], [4.0]], np.float32), np.array([2.0, 2.0])) == pytest.approx([1, 2])


def test_classes_are_one_hot_and_wrong_or_right():
    labels = np.array(["dog", "cat", "dog"])
    task = choose_task("kind", labels, SIZE)
    assert task.targets(labels).tolist() == [[0, 1], [1, 0], [0, 1]]
    logits = np.array([[0.0, 2.0], [0.0, 2.0], [5.0, 2.0]], np.float32)
    assert task.errors(logits, labels).tolist() == [0, 1, 1]


def test_a_class_that_training_did_not_have_is_always_wrong():
    task = Classification((1, 2))
    assert task.targets(np.array([9])).tolist() == [[0, 0]]
    assert task.errors(np.array([[9.0, 1.0]], np.float32), np.array([9])).tolist() == [1]


def test_losses_by_hand():
    wrong = keras.ops.convert_to_tensor([[0.5, 3.0]])
    right = keras.ops.convert_to_tensor([[0.0, 0.0]])
    assert float(smooth_l1(wrong, right)) == pytest.approx((0.125 + 2.5) / 2)
    even = keras.ops.convert_to_tensor([[0.0, 0.0]])
    one = keras.ops.convert_to_tensor([[1.0, 0.0]])
    assert float(Classification((0, 1)).loss(even, one)) == pytest.approx(np.log(2), rel=1e-5)


@pytest.mark.parametrize("other", [np.array([b"cat", b"dog"]), np.array([b"cat", b"dog"], object)], ids=str)
def test_words_are_the_same_classes_as_bytes_and_as_text(other):
    task = choose_task("kind", np.array(["dog", "cat"]), SIZE)
    outputs = np.array([[1.0, 0.0], [1.0, 0.0]], np.float32)
    np.testing.assert_array_equal(task.errors(outputs, other), [0, 1])
    np.testing.assert_array_equal(choose_task("kind", other, SIZE).targets(np.array(["cat", "dog"])), np.eye(2))
