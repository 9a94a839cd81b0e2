import numpy as np
import pytest

from simgan.evaluation.comparison import Set, summarise
from simgan.tasks.segmentation import Segmentation
from simgan.tasks.task import Angle, Vector


def constant(error: float, seeds: int = 2) -> np.ndarray:
    return np.full((seeds, 4), error)


def test_refined_sets_are_compared_with_the_best_free_set_of_the_same_augmentation():
    errors = {
        Set("synthetic", "free", False): constant(4),
        Set("synthetic", "free", True): constant(3),
        Set("histogram", "free", False): constant(2),
        Set("histogram", "free", True): constant(5),
        Set("refined", "refined", False): constant(1),
        Set("refined", "refined", True): constant(3.6),
        Set("refined whole + synthetic", "refined", False): constant(2),
        Set("refined whole + synthetic", "refined", True): constant(1.5),
    }
    scores, comparisons = summarise(errors, Vector())
    assert [(one.on, one.kind, one.augmented, one.error.estimate) for one in scores] == [
        (*one, error.mean()) for one, error in errors.items()
    ]
    assert [
        (one.on, one.augmented, one.best_free, one.difference.estimate, one.relative.estimate) for one in comparisons
    ] == [
        ("refined", False, "histogram", -1, -0.5),
        ("refined", True, "synthetic", pytest.approx(0.6), pytest.approx(0.2)),
        ("refined whole + synthetic", False, "histogram", 0, 0),
        ("refined whole + synthetic", True, "synthetic", -1.5, -0.5),
    ]
    for one in comparisons:  # errors that do not vary
        assert one.difference.low == one.difference.high == pytest.approx(one.difference.estimate)
        assert one.relative.low == one.relative.high == pytest.approx(one.relative.estimate)


def test_scores_by_hand():
    """Two seeds, two images."""
    errors = {
        Set("synthetic", "free", False): np.array([[2.0, 4.0], [6.0, 8.0]]),
        Set("refined", "refined", False): np.array([[1.0, 2.0], [3.0, 4.0]]),
    }
    (synthetic, refined), (comparison,) = summarise(errors, Angle(thresholds=(3.0,)))
    assert (synthetic.error.estimate, synthetic.each_seed) == (5.0, (3.0, 7.0))
    assert synthetic.within == {"3 degrees": 0.25}
    assert refined.within == {"3 degrees": 0.5}
    assert synthetic.error.low < 5 < synthetic.error.high
    assert comparison.difference.estimate == -2.5
    # Refined halves every error, so every resample says -50 %.
    assert (comparison.relative.low, comparison.relative.estimate, comparison.relative.high) == (-0.5, -0.5, -0.5)


def test_differences_are_paired_by_seed_and_image():
    """1 less for each seed and image, however much the errors vary."""
    free = np.random.default_rng(0).uniform(2, 50, (3, 20))
    errors = {Set("synthetic", "free", True): free, Set("refined", "refined", True): free - 1}
    (synthetic, _), (comparison,) = summarise(errors, Vector())
    assert comparison.difference.low == pytest.approx(-1)
    assert comparison.difference.high == pytest.approx(-1)
    assert synthetic.error.high - synthetic.error.low > 5


def test_sets_with_fewer_seeds_are_scored_and_not_compared():
    errors = {
        Set("synthetic", "free", True): constant(4),
        Set("colour", "free", True): constant(0.5, seeds=1),
        Set("refined", "refined", True): constant(3),
        Set("real labels, 3-fold", "bound", True): constant(0.1, seeds=1),
    }
    scores, (comparison,) = summarise(errors, Vector())
    assert [(one.on, one.error.estimate, len(one.each_seed)) for one in scores] == [
        ("synthetic", 4, 2),
        ("colour", 0.5, 1),
        ("refined", 3, 2),
        ("real labels, 3-fold", pytest.approx(0.1), 1),
    ]
    assert (comparison.best_free, comparison.difference.estimate) == ("synthetic", -1)


def test_the_bound_is_no_rival_even_with_as_many_seeds():
    errors = {
        Set("synthetic", "free", True): constant(4, seeds=1),
        Set("refined", "refined", True): constant(3, seeds=1),
        Set("real labels, 3-fold", "bound", True): constant(0.1, seeds=1),
    }
    _, comparisons = summarise(errors, Vector())
    assert [(one.on, one.best_free) for one in comparisons] == [("refined", "synthetic")]


def test_a_free_error_that_may_be_zero_has_no_relative_difference():
    """Of 8 images one is wrong. In a third of all resamples, (7/8)^8, none is, and nothing is a share of nothing."""
    free = np.array([[0.0, 0, 0, 0, 0, 0, 0, 1]])
    errors = {Set("synthetic", "free", False): free, Set("refined", "refined", False): 1 - free}
    _, (comparison,) = summarise(errors, Vector())
    assert comparison.difference.estimate == pytest.approx(7 / 8 - 1 / 8)
    assert comparison.relative is None


def test_a_free_error_that_is_hardly_ever_zero_has_a_relative_difference():
    """4 wrong of 90: none is in (86/90)^90 = 1.7 % of the resamples, in which 8 wrong are 8 or more times as many."""
    free = np.repeat([[1.0, 0.0]], [4, 86], axis=1)
    errors = {
        Set("synthetic", "free", False): free,
        Set("refined", "refined", False): np.repeat([[1.0, 0.0]], [8, 82], axis=1),
    }
    _, (comparison,) = summarise(errors, Vector())
    assert comparison.relative.estimate == pytest.approx(1)
    assert 0 < comparison.relative.low < 1 < comparison.relative.high < 10


def test_errors_that_are_no_means_over_images_by_hand():
    """Two classes, two images, two seeds: intersections, then unions. Seed 0: 1 - (3/4 + 1/5) / 2; seed 1: 1 - 1."""
    counts = np.array([[[1.0, 0, 1, 2], [2, 1, 3, 3]], [[2, 2, 2, 2], [1, 1, 1, 1]]])
    better = counts.copy()
    better[:, :, :2] = counts[:, :, 2:]
    errors = {Set("synthetic", "free", False): counts, Set("refined", "refined", False): better}
    (synthetic, refined), (comparison,) = summarise(errors, Segmentation((0, 1), (9, 9)))
    assert synthetic.each_seed == (pytest.approx(0.525), 0)
    assert synthetic.error.estimate == pytest.approx(0.525 / 2)
    # Seed 0 twice, and the first image twice: 1 - (1 + 0) / 2; the second twice: 1 - (2/3 + 1/3) / 2.
    assert synthetic.error.high == pytest.approx(0.525, abs=0.03)
    assert refined.error.high == 0
    assert refined.within == {}
    assert comparison.difference.estimate == pytest.approx(-0.525 / 2)
