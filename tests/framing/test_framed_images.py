from __future__ import annotations

import numpy as np
import pytest

from simgan.framing.framed_images import frame_images, framed
from simgan.images import PixelRange, open_images
from tests.framing.shapes import map_of, photographs, shapes, write_sets

MAP = map_of(shapes(1), photographs())


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_images_are_framed_and_stored_in_their_type(tmp_path, dtype):
    """By hand: 8 bits stand for value / 127.5 - 1, 16 bits for value / 32767.5 - 1, floats for themselves."""
    model = shapes(1, count=9)[..., None] / 127.5 - 1
    scale = {"uint8": 127.5, "uint16": 32767.5}.get(dtype)
    stored = model.astype(dtype) if scale is None else np.rint((model + 1) * scale).astype(dtype)
    np.save(tmp_path / "x.npy", stored)
    with framed(open_images(tmp_path / "x.npy", pixel_range=None if scale else PixelRange(-1, 1)), MAP) as source:
        given = model if scale is None else stored / scale - 1
        expected = np.stack([MAP.frame(image.astype(np.float32)) for image in given])
        expected = expected if scale is None else (expected + 1) * scale
        assert source.dtype == dtype
        np.testing.assert_allclose(np.stack(source.read(range(9))), expected, atol=0.51 if scale else 1e-5)
        for index in range(9):
            np.testing.assert_array_equal(source[index], source.read([index])[0])
        np.testing.assert_array_equal(source[-1], source[8])
        np.testing.assert_array_equal(frame_images(stored, MAP, source.pixel_range), np.stack(source.read(range(9))))


def test_empty_images_and_images_without_a_map_keep_every_pixel(tmp_path):
    random = np.random.default_rng(0)
    stored = np.concatenate([np.full((1, 16, 16, 1), 200), random.integers(0, 256, (3, 16, 16, 1))]).astype(np.uint8)
    np.testing.assert_array_equal(frame_images(stored, MAP, PixelRange(0, 255)), stored)
    assert frame_images(stored, None, PixelRange(0, 255)) is stored
    assert frame_images(stored[:0], MAP, PixelRange(0, 255)).shape == (0, 16, 16, 1)


def test_labels_and_sizes_are_those_of_the_set(tmp_path):
    synthetic, _ = write_sets(tmp_path)
    with open_images(synthetic) as whole:
        source = framed(whole, MAP)
        assert source.label_names == ("digit",)
        np.testing.assert_array_equal(source.labels("digit", [0, 4]), [0, 1])
        assert (len(source), source.size(3), source.names[5]) == (60, (16, 16), whole.names[5])
        assert framed(whole, None) is whole
