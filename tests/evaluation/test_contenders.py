import numpy as np
import pytest

from simgan.evaluation.contenders import ALL, contenders
from simgan.matching import METHODS, match_images

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
    "refined + synthetic",
    "refined + mixed",
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
    assert [one.kind for one in found] == ["free"] * 8 + ["refined"] * 3


def test_only_the_wanted_sets_are_made(images):
    wanted = {"refined + synthetic", "pca", "synthetic"}
    assert [one.name for one in contenders(*images, among=wanted)] == ["synthetic", "pca", "refined + synthetic"]


@pytest.mark.parametrize("seed", [0, 3])
def test_sets_are_what_their_names_say(images, seed):
    synthetic, refined, photographs = images
    found = {one.name: one.images for one in contenders(*images, seed=seed)}
    np.testing.assert_array_equal(found["synthetic"], synthetic)
    np.testing.assert_array_equal(found["refined"], refined)
    np.testing.assert_array_equal(found["refined + synthetic"], np.concatenate([refined, synthetic]))
    np.testing.assert_array_equal(found["refined + mixed"], np.concatenate([refined, found["mixed"]]))
    for method in METHODS:
        np.testing.assert_array_equal(found[method], match_images(synthetic, photographs, method, seed=seed))


def test_another_seed_draws_other_photographs(images):
    (one,), (other,) = (contenders(*images, among=["colour"], seed=seed) for seed in (0, 3))
    assert np.abs(one.images - other.images).max() > 0.1
