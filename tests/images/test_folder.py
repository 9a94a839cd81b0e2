from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from simgan.errors import DataError
from simgan.images import open_images
from simgan.images.folder import list_folder


def save(path, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (3, 2), value).save(path)


def test_recursive_sorted_and_blind_to_hidden_files(tmp_path):
    for name in ["b/2.PNG", "b/10.png", "a.Jpeg", "c.tiff", "b.bmp", "b/c/1.tif", ".hidden.png", ".git/x.png"]:
        save(tmp_path / name)
    (tmp_path / "b/labels.csv").write_text("1")
    (tmp_path / ".DS_Store").write_text("x")
    (tmp_path / "empty").mkdir()
    listing = list_folder(tmp_path)
    assert listing.images == ("a.Jpeg", "b.bmp", "b/10.png", "b/2.PNG", "b/c/1.tif", "c.tiff")
    assert listing.others == ("b/labels.csv",)
    assert sorted(listing.folders) == ["b", "b/c", "empty"]
    with open_images(tmp_path) as source:
        assert tuple(source.names) == listing.images
        assert source.label_names == ()
        assert source.kind == "folder of image files"
        assert source.size(0) == (2, 3)


@settings(deadline=None, max_examples=30)
@given(images=hnp.arrays(np.uint8, st.tuples(*[st.integers(1, 5)] * 3, st.integers(1, 4))))
@pytest.mark.parametrize("extension", ["png", "tif"])
def test_any_8_bit_images(write_folder, tmp_path_factory, extension, images):
    path = write_folder(tmp_path_factory.mktemp("set"), images, extension)
    with open_images(path) as source:
        assert len(source) == len(images)
        for index, image in enumerate(images):
            np.testing.assert_array_equal(source[index], image)


@pytest.mark.parametrize("content", [{}, {"a.gif": b"GIF89a", "b.gif": b"", "c": b""}])
def test_no_images(tmp_path, content, message):
    for name, data in content.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError) as caught:
        open_images(tmp_path)
    expected = "2 with .gif, 1 with no extension" if content else "no files"
    assert expected in message(caught.value)


@pytest.mark.parametrize("mode", ["RGB", "I;16"])
def test_the_first_different_image_is_named(tmp_path, mode, message):
    save(tmp_path / "a.png")
    Image.new(mode, (3, 2)).save(tmp_path / "b.png")
    with open_images(tmp_path) as source, pytest.raises(DataError) as caught:
        source[1]
    assert "'b.png'" in message(caught.value)
    assert "'a.png'" in str(caught.value)


def test_links_inside_are_read_and_links_outside_are_refused(tmp_path, message):
    save(tmp_path / "in/a.png", 7)
    (tmp_path / "in/b.png").symlink_to("a.png")
    with open_images(tmp_path / "in") as source:
        assert source[1].max() == 7
    save(tmp_path / "secret.png")
    (tmp_path / "in/c.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(DataError) as caught:
        open_images(tmp_path / "in")
    assert "c.png" in message(caught.value)
    assert "outside" in str(caught.value)


@pytest.mark.parametrize("kind", ["linked folder", "broken link", "pipe"])
def test_what_is_no_file(tmp_path, kind, message):
    save(tmp_path / "a.png")
    (tmp_path / "sub").mkdir()
    if kind == "linked folder":
        (tmp_path / "x").symlink_to("sub")
    elif kind == "broken link":
        (tmp_path / "x.txt").symlink_to("nowhere")
    else:
        os.mkfifo(tmp_path / "x.png")
    with pytest.raises(DataError) as caught:
        open_images(tmp_path)
    assert f"{tmp_path}/x" in message(caught.value)


def test_a_folder_named_as_an_image_is_walked(tmp_path):
    save(tmp_path / "odd.png/a.png")
    with open_images(tmp_path) as source:
        assert tuple(source.names) == ("odd.png/a.png",)
