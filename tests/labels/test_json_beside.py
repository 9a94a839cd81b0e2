from __future__ import annotations

import numpy as np
import pytest

from simgan.errors import DataError
from simgan.images import open_images


def unity_eyes(x, **changes):
    details = {"look_vec": f"({x:.4f}, 0.5, -0.9, 0.0)", "iris_size": "1.5", "iris_texture": "eyeIris_blue"}
    corners = ["(10.0, 20.0, 3.0)", f"(11.0, {x:.4f}, 4.0)"]
    document = {"eye_details": details, "head_pose": "(0.1, 0.2, 0.0)", "interior_margin_2d": corners, "n": 7}
    return document | changes


def test_the_fields_of_unity_eyes(folder):
    path = folder(["1.jpg", "2.jpg"], {"1.json": unity_eyes(0.25), "2.json": unity_eyes(0.5)})
    with open_images(path) as source:
        assert set(source.label_names) == {
            "look_vec", "iris_size", "iris_texture", "head_pose", "interior_margin_2d", "n"
        }  # fmt: skip
        np.testing.assert_array_equal(source.labels("look_vec"), [[0.25, 0.5, -0.9], [0.5, 0.5, -0.9]])
        np.testing.assert_array_equal(source.labels("head_pose", [1]), [[0.1, 0.2, 0.0]])
        np.testing.assert_array_equal(source.labels("interior_margin_2d")[1], [[10, 20, 3], [11, 0.5, 4]])
        np.testing.assert_array_equal(source.labels("iris_size"), [1.5, 1.5])
        np.testing.assert_array_equal(source.labels("n"), [7, 7])
        assert source.labels("iris_texture").tolist() == ["eyeIris_blue"] * 2
        assert "'look_vec'" in " ".join(source.notes())


def test_names_that_occur_twice_keep_their_path(folder):
    document = {"left": {"x": 1}, "right": {"x": 2, "y": [3, 4]}}
    with open_images(folder(["1.png"], {"1.json": document})) as source:
        assert source.label_names == ("left.x", "right.x", "y")
        np.testing.assert_array_equal(source.labels("y"), [[3, 4]])


@pytest.mark.parametrize(
    "content",
    [
        {"head_pose": 1},
        unity_eyes(1, head_pose="(1, 2)"),
        unity_eyes(1, head_pose="(1, nan, 2)"),
        unity_eyes(1, head_pose=None),
        unity_eyes(1, head_pose="up"),
        b"{",
        b"",
        b"[1]",
        b'{"a":' * 100_000,
        b'{"head_pose": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_file_unlike_the_others(folder, content, message):
    texts = {"1.json": unity_eyes(0.25), "2.json": content}
    with open_images(folder(["1.jpg", "2.jpg"], texts)) as source, pytest.raises(DataError) as caught:
        source.labels("head_pose")
    assert "2.json" in message(caught.value)


def test_labelme_is_told_with_the_way_out(folder):
    texts = {"1.json": {"shapes": [{"label": "x", "points": [[1, 2]]}], "imageHeight": 10}}
    with open_images(folder(["1.png"], texts)) as source:
        assert source.label_names == ()
        assert "convert them to COCO" in " ".join(source.notes())
