from __future__ import annotations

import numpy as np
import pytest

from simgan.errors import DataError
from simgan.images import open_images

NAMES = ["images/train/a.png", "images/train/b.png", "images/val/a.png"]
TEXTS = {"labels/train/a.txt": "1 0.5 0.5 0.2 0.4\n0 0.1 0.2 0.1 0.2\n", "labels/val/a.txt": "\n0 .5 .5 1 1\n"}


def test_boxes_in_pixels(folder):
    with open_images(folder(NAMES, TEXTS | {"classes.txt": "car\nperson\n"})) as source:
        assert source.label_names == ("boxes",)
        train_a, train_b, val_a = source.labels("boxes")
        # 20x10 px: the centre of the first box is (10, 5), its size 4x4
        np.testing.assert_allclose(train_a, [[8, 3, 4, 4, 1], [1, 1, 2, 2, 0]])
        assert train_b.shape == (0, 5)
        np.testing.assert_allclose(val_a, [[0, 0, 20, 10, 0]])
        assert source.label_classes("boxes") == ("car", "person")
        notes = " ".join(source.notes())
        assert "1 image(s) have no such file" in notes
        assert "other file(s)" not in notes


@pytest.mark.parametrize(
    ("yaml", "classes"),
    [
        ("names: [car, person]\n", ("car", "person")),
        ("nc: 2\nnames:\n  0: car\n  1: person\n", ("car", "person")),
        ("names:\n- car\n- 2\n", ("car", "2")),
        ("names: {0: car, 2: person}\n", ()),
        ("names: 3\n", ()),
        ("path: .\n", ()),
        ("a: &a [x, x]\nb: &b [*a, *a]\nnames: [*b, *b]\n", ()),
    ],
)
def test_names_in_a_yaml_file(folder, yaml, classes):
    with open_images(folder(NAMES, TEXTS | {"data.yaml": yaml})) as source:
        assert source.label_classes("boxes") == classes
        assert len(source.labels("boxes")) == 3


@pytest.mark.parametrize("yaml", ["names: [", "a: " + "[" * 5000, "names: !!python/object/apply:os.system ['true']"])
def test_a_damaged_yaml_file_is_noted(folder, yaml):
    with open_images(folder(NAMES, TEXTS | {"data.yaml": yaml})) as source:
        assert source.label_classes("boxes") == ()
        assert "data.yaml" in " ".join(source.notes())


def test_outlines_become_boxes_and_this_is_said(folder):
    with open_images(folder(["a.png"], {"a.txt": "3 .1 .2 .5 .8 .3 .4\n"})) as source:
        np.testing.assert_allclose(source.labels("boxes")[0], [[2, 2, 8, 6, 3]])
        assert "read as outlines" in " ".join(source.notes())


def test_keypoints_where_the_yaml_file_says_so(folder):
    texts = {
        "data.yaml": "kpt_shape: [2, 3]\nnames: [hand]\n",
        "a.txt": "0 .5 .5 .1 .1 .9 .9 2 .9 .9 2\n0 .5 .5 .2 .2 .1 .2 2 0 0 0\n",
        "b.txt": "",
    }
    with open_images(folder(["a.png", "b.png"], texts)) as source:
        nan = np.nan
        np.testing.assert_allclose(source.labels("keypoints"), [[[2, 2], [nan, nan]], [[nan, nan], [nan, nan]]])
        assert len(source.labels("boxes")[0]) == 2


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("0 240 120 30 40", "240"),
        ("0 .5 .5 .1 .1 .9", "confidence"),
        ("7 .5 .5 .1 .1", "below 2"),
        ("0 .5 .5 -.1 .1", "at least 0"),
        ("0 .5 .5 .1 inf", "inf"),
        ("car .5 .5 .1 .1", "car"),
        ("0 .5", "line 3"),
        ("99999999999999999999 .5 .5 .1 .1", "9999"),
        ("\u00b2 .5 .5 .1 .1", "line 3"),
    ],
)
def test_lines_that_are_no_boxes(folder, line, says, message):
    good = "0 .5 .5 .1 .1\n"
    texts = {"a.txt": good + good + line, "b.txt": good, "classes.txt": "car\nperson\n"}
    with open_images(folder(["a.png", "b.png"], texts)) as source, pytest.raises(DataError) as caught:
        source.labels("boxes")
    assert says in message(caught.value)


def test_other_texts_beside_images_are_no_labels(folder):
    with open_images(folder(["a.png", "b.png"], {"a.txt": "a photograph of a cat", "b.txt": "a dog"})) as source:
        assert source.label_names == ()
        assert "not YOLO" in " ".join(source.notes())


def test_a_text_of_other_bytes_is_noted(folder):
    with open_images(folder(["a.png"], {"a.txt": b"\xff\xfe\x00"})) as source:
        assert source.label_names == ()
        assert "a.txt" in " ".join(source.notes())
