import tracemalloc

import numpy as np
import pytest
from scipy.stats import bootstrap

from simgan.evaluation.bootstrap import interval, resampled_means


def test_resamples_are_centred_on_the_mean_and_paired():
    errors = np.random.default_rng(0).gamma(2.0, size=(3, 200))
    one, other = resampled_means([errors, errors + 1])
    assert one.mean() == pytest.approx(errors.mean(), rel=0.01)
    np.testing.assert_allclose(other - one, 1)  # the same resamples: the difference has no spread


def test_with_one_seed_it_is_the_usual_bootstrap():
    errors = np.random.default_rng(0).gamma(2.0, size=(1, 300))
    ours = interval(errors.mean(), resampled_means([errors], resamples=8000)[0])
    theirs = bootstrap((errors[0],), np.mean, method="percentile", rng=1, n_resamples=8000).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=0.02)


def test_seeds_that_differ_widen_the_interval():
    """Images all alike, seeds 0 and 2: a quarter of the resamples is 0, a quarter is 2."""
    errors = np.repeat([[0.0], [2.0]], 50, axis=1)
    means = resampled_means([errors], resamples=4000)[0]
    assert (means == 0).mean() == pytest.approx(0.25, abs=0.03)
    assert (means == 2).mean() == pytest.approx(0.25, abs=0.03)
    assert interval(1.0, means).high == 2


def test_every_resample_draws_its_own_test_images():
    """One seed, and errors so different that two draws of thirty images hardly ever have the same mean."""
    means = resampled_means([1.7 ** np.arange(30.0)[None]], resamples=250)[0]
    assert len(np.unique(means)) == 250


def test_interval_holds_the_middle_of_the_resamples():
    found = interval(3.0, np.arange(1001.0))
    assert (found.estimate, found.low, found.high) == (3.0, 25.0, 975.0)


def test_follows_from_the_seed():
    errors = np.random.default_rng(0).random((2, 10))
    np.testing.assert_array_equal(resampled_means([errors]), resampled_means([errors]))
    assert (resampled_means([errors], seed=1)[0] != resampled_means([errors])[0]).any()


def test_many_test_images_need_no_table_of_all_resamples():
    errors = [np.random.default_rng(0).gamma(2.0, size=(2, 50_000))] * 2
    tracemalloc.start()
    one, other = resampled_means(errors, resamples=600)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200e6  # 8 bytes for each resample and image would be 240e6
    assert one.shape == (600,)
    np.testing.assert_array_equal(one, other)


def test_an_error_that_is_no_mean_is_computed_anew_for_each_resample():
    """The share of 1 / 2 and 3 / 6, each (part, whole): 1/2 whatever is drawn, while a mean of parts would vary."""
    errors = np.array([[[1.0, 2.0], [3.0, 6.0]]])

    def share(of_images):
        return lambda weights: (weights @ of_images)[:, 0] / (weights @ of_images)[:, 1]

    (shares,) = resampled_means([errors], share, resamples=50)
    np.testing.assert_allclose(shares, 0.5)


def test_resamples_that_define_no_error_do_not_count():
    found = interval(3.0, np.array([np.nan, 1.0, np.nan, 5.0]))
    assert (found.low, found.high) == (pytest.approx(1.1), pytest.approx(4.9))
