from __future__ import annotations

import numpy as np
import pytest

from simgan.images.picture_sheet import picture_sheet, to_picture


def shade(value: float, channels: int = 1, count: int = 1) -> np.ndarray:
    return np.full((count, 8, 10, channels), value, np.float32)


def centres(sheet, rows: int = 1, row: int = 0) -> list[tuple[int, ...]]:
    """The middle pixel of each of the four tiles of a row."""
    tile = (sheet.height - 18) / rows  # 18: the headings
    y = round(18 + (row + 0.5) * tile)
    return [sheet.getpixel((round((column + 0.5) * sheet.width / 4), y)) for column in range(4)]


def test_columns_are_synthetic_refined_real_and_difference():
    assert centres(picture_sheet(shade(-1), shade(-0.6), shade(1))) == [
        (0, 0, 0),
        (51, 51, 51),
        (255, 255, 255),
        (153, 153, 153),  # (0.4 / 2 + 1) * 127.5
    ]


@pytest.mark.parametrize(
    ("synthetic", "refined", "expected"), [(0.3, 0.3, 128), (-1, 1, 255), (1, -1, 0)], ids=["none", "up", "down"]
)
def test_difference_is_mid_grey_where_nothing_changed(synthetic, refined, expected):
    difference = centres(picture_sheet(shade(synthetic), shade(refined), shade(0)))[3]
    assert difference == (expected, expected, expected)


def test_each_image_has_a_row():
    synthetic = np.concatenate([shade(-1), shade(0.6), shade(1)])
    sheet = picture_sheet(synthetic, synthetic, shade(0, count=3))
    assert [centres(sheet, rows=3, row=row)[0][0] for row in range(3)] == [0, 204, 255]


def test_tiles_are_enlarged_by_whole_pixels_and_fit():
    sheet = picture_sheet(shade(0, count=3), shade(0, count=3), shade(0, count=3))
    # 10x8 at 16 times is 160x128, 4 px around each, headings of 18 px
    assert sheet.size == (4 * 160 + 5 * 4, 3 * 128 + 3 * 4 + 18 + 4)
    wide = picture_sheet(*(np.zeros((1, 10, 240, 1), np.float32) for _ in range(3)))
    assert wide.size == (4 * 240 + 5 * 4, 10 + 4 + 18 + 4)


def test_enlarged_pixels_stay_where_they_are():
    image = shade(-1)
    image[0, :4] = 1  # upper half white
    sheet = picture_sheet(image, image, image).convert("L")
    column = np.asarray(sheet)[:, 84]
    assert (column[18 + 5 : 18 + 60] == 255).all()
    assert (column[18 + 68 : 18 + 124] == 0).all()


def test_colour_stays_colour():
    red = np.zeros((1, 8, 10, 3), np.float32) + np.float32([1, -1, -1])
    assert centres(picture_sheet(red, red, red)) == 3 * [(255, 0, 0)] + [(128, 128, 128)]


def test_other_numbers_of_channels_show_the_first():
    two = np.concatenate([shade(1), shade(-1)], axis=-1)
    assert centres(picture_sheet(two, two, two))[:3] == 3 * [(255, 255, 255)]


def test_picture_is_8_bit_and_clipped():
    picture = to_picture(np.array([[[-7.0], [-1.0], [-0.6], [0.0], [1.0], [7.0]]], np.float32))
    assert picture.mode == "L"
    assert list(np.asarray(picture)[0]) == [0, 0, 51, 128, 255, 255]
    assert to_picture(np.zeros((2, 2, 3), np.float32)).mode == "RGB"


def test_large_images_are_shrunk():
    images = np.zeros((2, 300, 960, 1), np.float32)
    assert picture_sheet(images, images).width < 3 * 260
