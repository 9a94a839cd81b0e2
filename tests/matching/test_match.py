from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from simgan.errors import DataError
from simgan.images import open_images
from simgan.matching import METHODS, match_data_set, match_histogram, match_images

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_method_keeps_shape_and_range_whatever_the_photographs_size(method, channels):
    images = RANDOM.uniform(-1, 1, (5, 12, 17, channels)).astype(np.float32)
    photographs = RANDOM.uniform(-1, 1, (3, 20, 9, channels)).astype(np.float32)
    matched = match_images(images, photographs, method)
    assert matched.shape == images.shape
    assert matched.dtype == np.float32
    assert np.abs(matched).max() <= 1


def test_each_image_has_a_photograph_of_its_own_drawn_from_the_seed():
    images = np.zeros((60, 4, 4, 1), np.float32)
    photographs = np.stack([np.full((4, 4, 1), level, np.float32) for level in (-0.5, 0.0, 0.5)])
    matched = match_images(images, photographs, "colour")
    levels, counts = np.unique(matched[:, 0, 0, 0].round(3), return_counts=True)
    assert levels.tolist() == [-0.5, 0.0, 0.5]
    assert counts.min() >= 10
    np.testing.assert_array_equal(matched, match_images(images, photographs, "colour"))
    assert (matched != match_images(images, photographs, "colour", seed=1)).any()


def test_mixed_draws_a_method_for_each_image():
    images = RANDOM.uniform(-1, 1, (80, 32, 32, 3)).astype(np.float32)
    photograph = RANDOM.uniform(-0.5, 1, (1, 32, 32, 3)).astype(np.float32)
    single = [name for name in METHODS if name != "mixed"]
    candidates = np.stack([images, *(match_images(images, photograph, name) for name in single)])
    same = np.isclose(match_images(images, photograph, "mixed"), candidates, atol=1e-6).all(axis=(2, 3, 4))
    assert (same.sum(axis=0) == 1).all()  # each image is what exactly one method makes of it, or as it was
    assert same.any(axis=1).all()  # each method occurs


@pytest.fixture
def folders(tmp_path):
    """Four grey pictures of two sizes with a label file, and three photographs of other sizes."""
    synthetic, real = tmp_path / "synthetic", tmp_path / "real"
    for folder in (synthetic, real):
        folder.mkdir()
    for index, size in enumerate([(8, 10), (8, 10), (12, 9), (8, 10)]):
        Image.fromarray(RANDOM.integers(0, 256, size, np.uint8)).save(synthetic / f"{index}.png")
    (synthetic / "labels.csv").write_bytes(b"0,left\n")
    for index, size in enumerate([(20, 30), (7, 7), (16, 5)]):
        Image.fromarray(RANDOM.integers(100, 140, size, np.uint8)).save(real / f"{index}.png")
    return synthetic, real


def test_a_folder_keeps_sizes_names_and_labels_and_takes_the_values_of_the_photographs(folders, tmp_path):
    seen = []
    with open_images(folders[0]) as synthetic, open_images(folders[1]) as real:
        match_data_set(synthetic, real, tmp_path / "out", "histogram", lambda done, total: seen.append((done, total)))
        photographs = [real.pixel_range.to_model(image) for image in real]
        with open_images(tmp_path / "out") as matched:
            assert list(matched.names) == list(synthetic.names)
            for before, after in zip(synthetic, matched, strict=True):
                assert after.shape == before.shape
                assert after.min() >= 100
                assert after.max() < 140
                expected = [
                    real.pixel_range.from_model(match_histogram(synthetic.pixel_range.to_model(before), one), np.uint8)
                    for one in photographs
                ]
                assert any(np.array_equal(after, one) for one in expected)
    assert (tmp_path / "out/labels.csv").read_bytes() == b"0,left\n"
    assert seen[-1] == (4, 4)
    assert all(one < other for one, other in pairwise(done for done, _ in seen))


def test_sets_of_other_channels_are_refused_and_leave_nothing(folders, tmp_path, only_line):
    np.save(tmp_path / "colour.npy", np.zeros((3, 8, 8, 3), np.uint8))
    with open_images(folders[0]) as synthetic, open_images(tmp_path / "colour.npy") as real:
        with pytest.raises(DataError) as caught:
            match_data_set(synthetic, real, tmp_path / "out", "colour")
        assert "--channels" in only_line(str(caught.value))
    assert not (tmp_path / "out").exists()
