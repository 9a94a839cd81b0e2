from __future__ import annotations

import pytest

from simgan.images import open_images


def test_the_folder_of_an_image_is_its_class(folder):
    path = folder(["dog/1.png", "cat/1.png", "cat/2.png", "dog/9.png"])
    with open_images(path) as source:
        assert source.label_names == ("class",)
        assert list(source.names) == ["cat/1.png", "cat/2.png", "dog/1.png", "dog/9.png"]
        assert source.labels("class").tolist() == ["cat", "cat", "dog", "dog"]
        assert source.labels("class", [3, 0]).tolist() == ["dog", "cat"]
        assert "'cat', 'dog'" in " ".join(source.notes())


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["train/cat/1.png", "train/dog/1.png", "test/cat/2.png", "test/dog/2.png"], ["cat", "dog", "cat", "dog"]),
        (["all/0/1.png", "all/0/2.png", "all/7/3.png", "all/7/4.png"], ["0", "0", "7", "7"]),
        (["cat/images/1.png", "cat/images/2.png", "dog/images/1.png", "dog/images/2.png"], ["cat"] * 2 + ["dog"] * 2),
    ],
)
def test_the_level_of_folders_that_differs_is_the_class(folder, names, classes):
    with open_images(folder(names)) as source:
        assert source.labels("class").tolist() == classes


@pytest.mark.parametrize(
    "names",
    [
        ["1.png", "2.png"],
        ["one/1.png", "one/2.png"],
        ["cat/1.png", "cat/2.png", "dog/1.png", "3.png"],  # not all in folders
        ["train/1.png", "train/2.png", "test/1.png", "test/2.png"],
        ["seq01/1.png", "seq01/2.png", "seq02/1.png", "seq02/2.png"],
        ["ann/1.png", "bob/1.png", "eve/1.png"],  # one image each
        ["cat/in/1.png", "cat/in/2.png", "dog/out/1.png", "dog/out/2.png"],  # two levels differ
    ],
)
def test_folders_that_are_no_classes(folder, names):
    with open_images(folder(names)) as source:
        assert source.label_names == ()
