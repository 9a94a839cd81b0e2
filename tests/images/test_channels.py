from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from simgan.errors import DataError
from simgan.images import open_images
from simgan.images.channels import check_same_channels, to_channels


def test_grey_is_that_of_pillow():
    colour = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    expected = np.asarray(Image.fromarray(colour).convert("L"))
    np.testing.assert_array_equal(to_channels(colour, 1)[..., 0], expected)


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_deeper_grey_keeps_its_depth(dtype):
    colour = np.array([[[1000, 2000, 4000]]], dtype)
    grey = to_channels(colour, 1)
    assert grey.dtype == dtype
    assert grey[0, 0, 0] == pytest.approx(0.299 * 1000 + 0.587 * 2000 + 0.114 * 4000, abs=0.6)


def test_colour_of_grey_and_what_stays():
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    np.testing.assert_array_equal(to_channels(grey, 3), np.dstack([grey] * 3))
    assert to_channels(grey, 1) is grey
    assert to_channels(grey, None) is grey


def test_other_channels_are_one_line_that_names_both_sets_and_the_option(tmp_path, only_line):
    np.save(tmp_path / "grey.npy", np.zeros((2, 4, 5), np.uint8))
    np.save(tmp_path / "colour.npy", np.zeros((2, 4, 5, 3), np.uint8))
    with open_images(tmp_path / "grey.npy") as grey, open_images(tmp_path / "colour.npy") as colour:
        check_same_channels(grey, grey)
        with pytest.raises(DataError) as caught:
            check_same_channels(grey, colour)
    message = only_line(str(caught.value))
    expected = (f"1 in {tmp_path / 'grey.npy'}", f"3 in {tmp_path / 'colour.npy'}", "--channels 1", "--channels 3")
    assert [part for part in expected if part not in message] == []
