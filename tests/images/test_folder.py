from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from simgan.errors import DataError
from simgan.images import open_images, write_like
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
            alpha = image.shape[2] in (2, 4)  # kept beside the picture
            np.testing.assert_array_equal(source[index], image[..., :-1] if alpha else image)


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


def test_links_inside_are_read_and_links_outside_are_refused_where_forbidden(tmp_path, message):
    save(tmp_path / "in/a.png", 7)
    (tmp_path / "in/b.png").symlink_to("a.png")
    with open_images(tmp_path / "in") as source:
        assert source[1].max() == 7
    save(tmp_path / "secret.png")
    (tmp_path / "in/c.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(DataError) as caught:
        open_images(tmp_path / "in", follow_links=False)
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
        open_images(tmp_path, follow_links=False)
    assert f"{tmp_path}/x" in message(caught.value)
    if kind != "linked folder":
        with pytest.raises(DataError, match="/x"):
            open_images(tmp_path)


def test_a_folder_named_as_an_image_is_walked(tmp_path):
    save(tmp_path / "odd.png/a.png")
    with open_images(tmp_path) as source:
        assert tuple(source.names) == ("odd.png/a.png",)


def test_links_to_pictures_and_folders_elsewhere_are_followed_and_written_as_files(tmp_path):
    save(tmp_path / "store/a.png", 7)
    (tmp_path / "store/a.json").write_text("{}")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/b.png").symlink_to("../store/a.png")
    (tmp_path / "in/camera").symlink_to("../store")
    with open_images(tmp_path / "in") as source:
        assert tuple(source.names) == ("b.png", "camera/a.png")
        with write_like(source, tmp_path / "out") as writer:
            for index in range(2):
                writer.write(index, source[index])
    written = [path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*")]
    assert sorted(written) == ["b.png", "camera", "camera/a.json", "camera/a.png"]
    assert not any(path.is_symlink() for path in (tmp_path / "out").rglob("*"))


@pytest.mark.parametrize("target", [".", "..", "../.."])
def test_a_link_in_a_circle_is_named(tmp_path, target, message):
    save(tmp_path / "in/sub/a.png")
    (tmp_path / "in/sub/round").symlink_to(target)
    with pytest.raises(DataError) as caught:
        open_images(tmp_path / "in")
    assert "round" in message(caught.value)
    assert "circle" in str(caught.value)


def test_a_pattern_says_which_pictures_are_the_images(tmp_path, message):
    for name in ("rgb/1.png", "rgb/2.png", "other/1.png", "x.jpg"):
        save(tmp_path / "in" / name)
    with open_images(tmp_path / "in", images="rgb/*.png, x.*") as source:
        assert tuple(source.names) == ("rgb/1.png", "rgb/2.png", "x.jpg")
        assert any("1 picture(s) do not match" in note for note in source.notes())
    with pytest.raises(DataError) as caught:
        open_images(tmp_path / "in", images="none/*")
    assert "--images" in message(caught.value)


def test_what_is_not_used_is_noted(tmp_path):
    save(tmp_path / "a.png")
    for name in ("b.webp", "c.exr", "d.webp", ".hidden.png"):
        (tmp_path / name).write_bytes(b"")
    with open_images(tmp_path) as source:
        notes = " ".join(source.notes())
    assert "2 with .webp, 1 with .exr" in notes
    assert "1 hidden" in notes


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_of_both_kinds_are_converted(tmp_path, channels):
    colour = np.random.default_rng(0).integers(0, 256, (5, 4, 3), np.uint8)
    (tmp_path / "in").mkdir()
    Image.fromarray(colour).save(tmp_path / "in/a.png")
    Image.fromarray(colour).convert("L").save(tmp_path / "in/b.png")
    mode = {1: "L", 3: "RGB"}[channels]
    with open_images(tmp_path / "in", channels=channels) as source, write_like(source, tmp_path / "out") as writer:
        for index, name in enumerate(("a.png", "b.png")):
            with Image.open(tmp_path / "in" / name) as before:
                expected = np.asarray(before.convert(mode)).reshape(5, 4, channels)
            np.testing.assert_array_equal(source[index], expected)
            writer.write(index, source[index])
    for name in ("a.png", "b.png"):
        with Image.open(tmp_path / "out" / name) as after:
            assert after.mode == mode


def test_grey_among_colour_names_the_flag(tmp_path, message):
    Image.new("RGB", (3, 2)).save(tmp_path / "a.png")
    Image.new("L", (3, 2)).save(tmp_path / "b.png")
    with open_images(tmp_path) as source, pytest.raises(DataError) as caught:
        source[1]
    assert "--channels" in message(caught.value)


def test_an_array_of_other_channels_is_not_converted(tmp_path, message):
    np.save(tmp_path / "a.npy", np.zeros((2, 5, 4, 3), np.uint8))
    with open_images(tmp_path / "a.npy", channels=3) as source:
        assert source.channels == 3
    with pytest.raises(DataError) as caught:
        open_images(tmp_path / "a.npy", channels=1)
    assert "--channels" in message(caught.value)


def test_pictures_with_and_without_alpha_are_one_set_and_keep_their_modes(tmp_path):
    rng = np.random.default_rng(0)
    before = {"a.png": rng.integers(0, 256, (5, 4, 4), np.uint8), "b.png": rng.integers(0, 256, (5, 4, 3), np.uint8)}
    (tmp_path / "in").mkdir()
    for name, pixels in before.items():
        Image.fromarray(pixels).save(tmp_path / "in" / name)
    with open_images(tmp_path / "in") as source, write_like(source, tmp_path / "out") as writer:
        assert source.channels == 3
        assert source.remarks(0) == ("have an alpha channel, which is not refined but copied",)
        for index in range(2):
            writer.write(index, 255 - source[index])
    for name, pixels in before.items():
        with Image.open(tmp_path / "out" / name) as after:
            np.testing.assert_array_equal(np.asarray(after)[..., :3], 255 - pixels[..., :3])
            np.testing.assert_array_equal(np.asarray(after)[..., 3:], pixels[..., 3:])
