from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from simgan.images import open_images
from simgan.images.alpha import image_with_alpha

GREY = np.arange(16, dtype=np.uint8).reshape(4, 4)


@pytest.mark.parametrize(("mode", "expected"), [("LA", "b.png"), ("RGBA", "b.png"), ("L", None), ("RGB", None)])
def test_the_first_picture_with_alpha_is_found(mode, expected, tmp_path):
    plain = {"LA": "L", "RGBA": "RGB"}.get(mode, mode)
    for name, of_picture in (("a.png", plain), ("b.png", mode), ("c.png", mode)):
        Image.fromarray(GREY).convert(of_picture).save(tmp_path / name)
    for how in ("stop", "skip"):
        with open_images(tmp_path, on_bad_image=how) as source:
            assert image_with_alpha(source) == expected


def test_pictures_that_cannot_be_read_are_passed_over(tmp_path):
    for name in ("a.png", "b.png", "c.png"):
        Image.fromarray(GREY).convert("LA").save(tmp_path / name)
    with open_images(tmp_path) as source:
        (tmp_path / "a.png").write_bytes(b"spoilt")
        assert image_with_alpha(source) == "b.png"


def test_arrays_have_no_alpha(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((2, 4, 4, 4), np.uint8))
    with open_images(tmp_path / "x.npy") as source:
        assert image_with_alpha(source) is None
