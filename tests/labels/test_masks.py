from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from simgan.errors import DataError
from simgan.images import open_images

RED, GREEN, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 0)


def write(path, pixels, mode=None, palette=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.asarray(pixels))
    if palette:
        picture = picture.convert("L")
        picture.putpalette(palette)
    picture.convert(mode).save(path) if mode else picture.save(path)


def classes(seed, values=(0, 1, 2)):
    """(10, 20) class numbers in two areas."""
    array = np.zeros((10, 20), np.uint8)
    array[:, seed + 5 :] = values[1]
    array[7:, :9] = values[2]
    return array


def test_index_palette_and_16_bits_are_class_numbers(folder):
    for kind, where in (("grey", "g"), ("palette", "p"), ("deep", "d")):
        path = folder([f"{where}/images/{i}.png" for i in range(4)])
        for i in range(4):
            values = classes(i, (0, 1, 255)) if kind == "grey" else classes(i)
            if kind == "deep":
                values = values.astype(np.uint16) * 300
            palette = [0, 0, 0, 200, 0, 0, 0, 200, 0] if kind == "palette" else None
            write(path / where / f"masks/{i}.png", values, palette=palette)
        with open_images(path / where) as source:
            assert source.label_names == ("mask",)
            masks = source.labels("mask", [2, 0])
            expected = classes(2, (0, 1, 255)) if kind == "grey" else classes(2)
            if kind == "deep":  # 300 and 600 are too large for class numbers, so they are levels
                assert source.label_classes("mask") == ("0", "300", "600")
            else:
                assert source.label_classes("mask") == ()
            np.testing.assert_array_equal(masks[0], expected)
            assert masks.dtype.kind == "u"
            assert masks.shape == (2, 10, 20)


def test_colours_are_numbered_in_ascending_order_and_this_is_said_once(folder):
    path = folder([f"{i}.png" for i in range(3)])
    colours = np.array([BLACK, RED, GREEN], np.uint8)
    for i in range(3):
        write(path / f"{i}_mask.png", colours[classes(i)])
    with open_images(path) as source:
        masks = source.labels("mask")
        # 0x000000 < 0x00ff00 < 0xff0000
        np.testing.assert_array_equal(masks[1], np.array([0, 2, 1])[classes(1)])
        assert source.label_classes("mask") == ("#000000", "#00ff00", "#ff0000")
        assert sum("#00ff00 is 1" in note for note in source.notes()) == 1


def test_black_and_white_are_0_and_1(folder):
    path = folder([f"images/{i}.png" for i in range(3)])
    for i in range(3):
        write(path / f"masks/{i}.png", (classes(i) > 0).astype(np.uint8) * 255)
    with open_images(path) as source:
        np.testing.assert_array_equal(source.labels("mask")[2], classes(2) > 0)
        assert source.label_classes("mask") == ("0", "255")


def test_masks_of_several_parts_with_equal_names(folder):
    path = folder([f"{part}/images/{i}.png" for part in ("train", "val") for i in range(2)])
    for number, part in enumerate(("train", "val")):
        for i in range(2):
            write(path / part / f"masks/{i}.png", classes(2 * number + i))
    with open_images(path) as source:
        np.testing.assert_array_equal(source.labels("mask"), [classes(i) for i in range(4)])


def test_masks_of_images_that_a_pattern_selects(folder):
    path = folder([f"images/{i}.png" for i in range(3)])
    for i in range(3):
        write(path / f"masks/{i}.png", classes(i))
    with open_images(path, images="images/*") as source:
        np.testing.assert_array_equal(source.labels("mask"), [classes(i) for i in range(3)])
    with open_images(path, images="images/2*") as source:
        np.testing.assert_array_equal(source.labels("mask"), [classes(2)])


def test_of_masks_of_two_kinds_one_is_read_and_the_other_noted(folder):
    path = folder([f"images/{i}.png" for i in range(3)])
    for i in range(3):
        write(path / f"SegmentationClass/{i}.png", classes(i))
        write(path / f"labels/{i}.png", np.zeros((10, 20), np.uint8))
        write(path / f"depth/{i}.png", classes(i))
    with open_images(path) as source:
        np.testing.assert_array_equal(source.labels("mask")[1], classes(1))
        assert "'labels/' are not read as masks" in " ".join(source.notes())


def wrong_size(path):
    write(path, np.zeros((5, 20), np.uint8))


def colour(path):
    write(path, np.zeros((10, 20, 3), np.uint8))


def damaged(path):
    path.write_bytes(b"\x89PNG\r\n\x1a\n1234")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (wrong_size, "5x20"),
        (lambda path: path.unlink(), "'images/2.png'"),
        (damaged, "cannot be read"),
        (colour, "colour"),
    ],
)
def test_masks_that_do_not_fit(folder, spoil, says, message):
    names = [f"{i}.png" for i in range(40)]
    path = folder([f"images/{name}" for name in names])
    for i, name in enumerate(names):
        write(path / f"masks/{name}", classes(i % 3))
    spoil(path / "masks/2.png")
    with open_images(path) as source, pytest.raises(DataError) as caught:
        source.labels("mask")
    assert says in message(caught.value)


def test_jpeg_masks_are_not_read(folder):
    path = folder([f"images/{i}.png" for i in range(3)], size=(64, 64))
    for i in range(3):
        halves = np.zeros((64, 64, 3), np.uint8)
        halves[32:] = RED
        write(path / f"masks/{i}.jpg", halves)
    with open_images(path) as source:
        assert source.label_names == ()
        assert "save masks as PNG" in " ".join(source.notes())


def test_more_colours_than_classes_can_be(folder, message):
    path = folder([f"images/{i}.png" for i in range(9)], size=(40, 40))
    for i in range(9):
        smooth = np.zeros((40, 40, 3), np.uint8)
        smooth[1, :, 0] = np.arange(40)
        smooth[1, :, 1] = i
        write(path / f"masks/{i}.png", smooth)
    with open_images(path) as source, pytest.raises(DataError) as caught:
        source.labels("mask")
    assert "256" in message(caught.value)
