import numpy as np

from benchmarks.benchmarks_labels import share_flipped
from benchmarks.benchmarks_sets import Scorer, free_sets, refined_sets
from simgan.evaluation import Labelled
from simgan.tasks.networks import small_network
from simgan.tasks.task import Classification

NAMES = ("synthetic", "histogram", "colour", "fda-0.01", "fda-0.05", "fda-0.09", "pca", "mixed")
TASK = Classification((0, 1))


def halves(count: int, seed: int) -> Labelled:
    """Noise, bright in the left half for class 0 and in the right half for class 1."""
    random = np.random.default_rng(seed)
    images = random.uniform(-1, -0.6, (count, 16, 16, 1)).astype(np.float32)
    classes = np.arange(count) % 2
    images[classes == 0, :, :8] += 1.2
    images[classes == 1, :, 8:] += 1.2
    return Labelled(images, classes)


def test_free_sets_are_the_methods_of_match_and_refined_ones_come_alone_and_with_free_ones():
    synthetic, real = halves(12, 0).images, halves(12, 1).images
    sets = dict(free_sets(synthetic, real, seed=0))
    assert tuple(sets) == NAMES  # framed alike
    assert all(images.shape == synthetic.shape for images in sets.values())
    refined = synthetic / 2
    sets = dict(refined_sets(synthetic, refined, real, seed=0))
    assert tuple(sets) == ("refined", "refined whole", "refined whole + synthetic", "refined whole + mixed")
    np.testing.assert_array_equal(sets["refined whole + synthetic"], np.concatenate([refined, synthetic]))


def test_sets_of_another_framing_are_framed_first_and_then_matched():
    random = np.random.default_rng(0)
    images = np.full((2, 60, 32, 32, 1), -1, np.float32)
    for (synthetic, real), (top, left) in zip(images.swapaxes(0, 1), random.integers(8, 11, (60, 2)), strict=True):
        synthetic[top : top + 12, left : left + 5] = 1
        real[top - 4 : top + 14, left - 1 : left + 7] = 1  # 1.5 times as large
    sets = dict(free_sets(*images, seed=0))
    assert tuple(sets) == (*NAMES, "framing", "framing + mixed")
    bright = {name: float((found > 0).mean()) for name, found in sets.items()}
    assert 1.7 < bright["framing"] / bright["synthetic"] < 2.8  # 2.25 times the area


def test_a_score_has_the_error_on_each_test_image():
    test = halves(20, 3)
    scorer = Scorer(TASK, small_network, test, steps=30, seed=0)
    training = halves(40, 4)
    score = scorer.score("refined", "refined", np.concatenate([training.images] * 2), training.labels)
    assert (score["on"], score["kind"], score["augmented"]) == ("refined", "refined", True)
    assert len(score["errors"]) == 20
    assert sum(score["errors"]) <= 2


def test_the_judge_finds_the_labels_that_were_flipped():
    synthetic, target, test = halves(100, 5), halves(30, 6), halves(20, 7)
    flipped = synthetic.images.copy()
    flipped[::4] = flipped[::4, :, ::-1]  # every fourth image, which are all of class 0
    scorer = Scorer(TASK, small_network, test, steps=30, seed=0)
    found = share_flipped(synthetic.images, flipped, synthetic.labels, target, scorer)
    held_out = np.random.default_rng(0).permutation(100)[:20]
    assert found["images"] == 20
    assert abs(found["flipped"] - np.mean(held_out % 4 == 0)) <= 0.05
    assert found["own_error"] <= 0.05
    assert found["own_error_on_test"] <= 0.05
