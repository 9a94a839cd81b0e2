from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from simgan.images.flat_pictures import follow_outlines, is_flat

ROWS = np.repeat(np.arange(20)[:, np.newaxis], 20, axis=1)  # 20 values, each a row


@pytest.mark.parametrize(
    ("pixels", "flat"),
    [
        (ROWS // 2, True),  # 10 values
        (ROWS * 7, False),  # 20 values, and only half of the neighbours are equal
        (np.kron(ROWS * 7, np.ones((6, 6), int)), True),  # 20 areas of 6 rows: 11 of 12 neighbours are equal
        (np.kron(ROWS, np.ones((6, 6), int)), False),  # as many, but each is one level above the last: a gradient
        (np.kron(np.arange(400).reshape(20, 20), np.ones((9, 9), int)) * 7, False),  # more than 256 values
        (np.zeros((8, 8), int), False),  # too small to tell
    ],
)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", ["uint16", "float64"])
def test_flat_pictures_have_few_values_or_areas_of_one_value(pixels, flat, channels, dtype):
    assert is_flat(np.repeat(pixels[..., np.newaxis], channels, axis=2).astype(dtype)) == flat


@pytest.mark.parametrize(
    ("edge", "height", "follows"),
    [(10, 20, True), (4, 20, False), (10, 24, False)],
    ids=["same outline", "elsewhere", "other size"],
)
def test_a_mask_has_the_outline_of_its_image(tmp_path, edge, height, follows):
    for name, rows, at, low in (("photo", 20, 10, 40), ("mask", height, edge, 0)):
        picture = np.where(np.mgrid[:rows, :20][0] < at, low, 200) + np.mgrid[:rows, :20][1] % 3
        Image.fromarray((picture if low else np.where(picture > 199, 255, 0)).astype(np.uint8)).save(
            tmp_path / f"{name}.png"
        )
    assert follow_outlines(tmp_path, [("mask.png", "photo.png")]) == follows


def test_pictures_that_cannot_be_compared_count_as_related(tmp_path):
    assert follow_outlines(tmp_path, [("missing.png", "missing.png")])
