"""The rows of lashes."""

import numpy as np

from simgan.eyes.lashes import REACH_INSIDE, ROWS_OF_LASHES, SPAN, lash_atlas


def test_the_atlas_covers_both_lids_and_the_opening() -> None:
    atlas = lash_atlas(6, 4)
    assert atlas.shape == (ROWS_OF_LASHES, 2 * 17 * 6, 37 * 6)
    assert atlas.dtype == np.float32
    assert 0.0 <= atlas.min() < atlas.max() <= 1.0


def test_lashes_grow_from_their_margin_and_upper_ones_are_stronger() -> None:
    atlas = lash_atlas(6, 1)
    half = round(SPAN * 6)
    lower, upper = atlas[:, :half][:, ::-1].sum(axis=(0, 2)), atlas[:, half:].sum(axis=(0, 2))
    assert upper.sum() > 2.0 * lower.sum()
    for away in (lower, upper):
        root = round(REACH_INSIDE * 6)
        assert away[root : root + 12].sum() > 0.3 * away.sum()
        assert away[root + 8 * 6 :].sum() == 0.0


def test_averaging_keeps_the_ink() -> None:
    sharp, soft = lash_atlas(6, 1), lash_atlas(6, 4)
    assert abs(soft.sum() / sharp.sum() - 1.0) < 0.02
    assert soft.max() < sharp.max()
