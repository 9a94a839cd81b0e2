import keras
import numpy as np
import pytest

from simgan.evaluation.contenders import ALL, contenders
from simgan.images import PixelRange, open_images
from simgan.matching import METHODS, match_images
from simgan.refining.data_set import refine_data_set

NAMES = [
    "synthetic",
    "histogram",
    "colour",
    "fda-0.01",
    "fda-0.05",
    "fda-0.09",
    "pca",
    "mixed",
    "refined",
    "refined whole",
    "refined whole + synthetic",
    "refined whole + mixed",
]


@pytest.fixture
def images():
    """Synthetic, refined, and photographs of another size, in colour."""
    random = np.random.default_rng(0)
    shapes = (5, 8, 9, 3), (5, 8, 9, 3), (7, 10, 12, 3)
    return [random.uniform(-1, 1, shape).astype(np.float32) for shape in shapes]


def test_each_set_comes_once_and_in_order(images):
    found = list(contenders(*images))
    assert [one.name for one in found] == NAMES == [name for name in ALL if name != "framing"]
    assert [one.kind for one in found] == ["free"] * 8 + ["refined"] * 4


def test_only_the_wanted_sets_are_made(images):
    wanted = {"refined whole + synthetic", "pca", "synthetic"}
    found = [one.name for one in contenders(*images, among=wanted)]
    assert found == ["synthetic", "pca", "refined whole + synthetic"]


@pytest.mark.parametrize("seed", [0, 3])
def test_sets_are_what_their_names_say(images, seed):
    synthetic, refined, photographs = images
    found = {one.name: one.images for one in contenders(*images, seed=seed)}
    np.testing.assert_array_equal(found["synthetic"], synthetic)
    np.testing.assert_array_equal(found["refined whole"], refined)
    np.testing.assert_array_equal(found["refined whole + synthetic"], np.concatenate([refined, synthetic]))
    np.testing.assert_array_equal(found["refined whole + mixed"], np.concatenate([refined, found["mixed"]]))
    for method in METHODS:
        np.testing.assert_array_equal(found[method], match_images(synthetic, photographs, method, seed=seed))


def test_refined_images_are_those_that_refine_writes_by_default(tmp_path):
    """R(x) = x + 0.5, on images that stay within [-1, 1]."""
    synthetic = np.random.default_rng(1).uniform(-1, 0.5, (40, 6, 7, 1)).astype(np.float32)
    np.save(tmp_path / "in.npy", synthetic)
    pixels = keras.Input((None, None, 1))
    brighter = keras.Model(pixels, keras.layers.Rescaling(1.0, offset=0.5)(pixels))
    with open_images(tmp_path / "in.npy", pixel_range=PixelRange(-1, 1)) as source:
        refine_data_set(brighter, source, tmp_path / "out.npy")
    (found,) = contenders(synthetic, synthetic + np.float32(0.5), synthetic, among=["refined"])
    np.testing.assert_allclose(found.images, np.load(tmp_path / "out.npy"), atol=1e-6)


def test_another_seed_draws_other_photographs(images):
    (one,), (other,) = (contenders(*images, among=["colour"], seed=seed) for seed in (0, 3))
    assert np.abs(one.images - other.images).max() > 0.1


def test_refined_images_lie_between_what_r_refined_and_its_images():
    """Were they blended with the synthetic images, content framed before R would show twice."""
    synthetic, framed, refined = (np.full((6, 4, 4, 1), level, np.float32) for level in (-1, 0.2, 0.6))
    (found,) = contenders(synthetic, refined, synthetic, unrefined=framed, among=["refined"])
    assert found.images.min() >= 0.2
    assert found.images.max() <= 0.6
