from __future__ import annotations

import pytest

from simgan.labels.names import NameIndex, pair_by_path


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("a/1.png", 0),
        ("a/1", 0),
        ("data\\set\\a\\1.png", 0),
        (" ./b/1.png ", 1),
        ("1.png", None),  # two images have that name
        ("1", None),
        ("3.jpg", 2),
        ("3", 2),
        ("elsewhere/3.jpg", 2),
        ("3.png", None),
        ("", None),
        ("/", None),
    ],
)
def test_finding_by_path_or_name(text, index):
    assert NameIndex(["a/1.png", "b/1.png", "c/3.jpg"]).find(text) == index


def test_files_are_paired_by_path_without_the_folders_of_kinds():
    names = ["images/train/1.png", "images/val/1.png", "images/val/2.png", "images/val/3.png"]
    files = ["labels/val/1.txt", "labels/train/1.txt", "elsewhere/2.txt", "classes.txt"]
    assert pair_by_path(names, files) == {0: "labels/train/1.txt", 1: "labels/val/1.txt", 2: "elsewhere/2.txt"}


def test_a_name_that_is_not_unique_is_not_paired_across_folders():
    assert pair_by_path(["a/1.png", "b/1.png"], ["1.txt"]) == {}
    assert pair_by_path(["1.png"], ["a/1.txt", "b/1.txt"]) == {}
