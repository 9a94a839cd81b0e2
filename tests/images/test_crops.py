from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from simgan.errors import DataError
from simgan.images import Crops, middle_crop, open_images


@pytest.fixture
def folder(tmp_path):
    """Three pictures of different sizes; the pixel at row y, column x of picture n is (n, y, x)."""
    for number, (height, width) in enumerate([(40, 60), (50, 30), (20, 12)]):
        y, x = np.mgrid[:height, :width]
        Image.fromarray(np.stack([np.full_like(y, number), y, x], -1).astype(np.uint8)).save(
            tmp_path / f"{number}.png"
        )
    return tmp_path


def test_each_crop_is_a_place_of_its_image_at_its_own_resolution(folder):
    with open_images(folder) as source:
        crops = Crops(source, (16, 12), seed=3)
        assert len(crops) == 3 * (8192 // 3)
        places = set()
        for index in range(0, len(crops), 97):
            crop, number = crops[index], index // crops.per_image
            assert crop.shape == (16, 12, 3)
            _, top, left = map(int, crop[0, 0])
            np.testing.assert_array_equal(crop, source[number][top : top + 16, left : left + 12])
            assert crops.names[index] == f"{number}.png, crop {index % crops.per_image + 1}"
            places.add((number, top, left))
        assert len(places) > 40


def test_places_reach_every_corner(folder):
    with open_images(folder) as source:
        crops = Crops(source, (16, 12), seed=0)
        corners = np.array([crops[index][0, 0, 1:] for index in range(crops.per_image)])  # of the picture of 40x60
    assert corners.min(axis=0).tolist() == [0, 0]
    assert corners.max(axis=0).tolist() == [40 - 16, 60 - 12]


def test_crops_follow_from_seed_and_number_alone(folder):
    with open_images(folder) as source:
        one, again, other = (Crops(source, (16, 12), seed=seed) for seed in (3, 3, 4))
        order = [500, 3, 8000, 499]
        np.testing.assert_array_equal(one.read(order), [again[index] for index in order])
        assert not np.array_equal(one.read(order), other.read(order))


def test_a_smaller_image_is_continued_by_its_mirror_image(folder):
    with open_images(folder) as source:
        crop = Crops(source, (24, 20), seed=0)[2 * (8192 // 3)]  # of the picture of 20x12
    assert crop.shape == (24, 20, 3)
    rows, columns = crop[:, 0, 1].astype(int), crop[0, :, 2].astype(int)
    assert rows.tolist() == [1, 0, *range(20), 19, 18]
    assert columns.tolist() == [3, 2, 1, 0, *range(12), 11, 10, 9, 8]


def test_of_many_images_some_are_drawn_at_random(tmp_path):
    np.save(tmp_path / "many.npy", np.zeros((3000, 10, 10), np.uint8))
    with open_images(tmp_path / "many.npy") as source:
        crops = Crops(source, (8, 8), seed=0)
        assert (len(crops), crops.per_image, len(set(crops.images.tolist()))) == (8192, 8, 1024)
        assert crops.images.max() > 2900
        assert crops.label_names == ()


def test_an_image_that_cannot_be_used_is_named(folder):
    (folder / "1.png").write_bytes(b"no picture")
    with open_images(folder) as source, pytest.raises(DataError, match=r"1\.png"):
        Crops(source, (16, 12), seed=0)[8192 // 3]


def test_middle_crop():
    image = np.arange(7 * 5).reshape(7, 5, 1)
    np.testing.assert_array_equal(middle_crop(image, (3, 3)), image[2:5, 1:4])
    assert middle_crop(image, (9, 3))[:, 0, 0].tolist() == [1, 1, 6, 11, 16, 21, 26, 31, 31]
