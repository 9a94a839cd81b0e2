from __future__ import annotations

import numpy as np
import pytest

from simgan.errors import DataError
from simgan.framing.samples import comparable_samples
from simgan.images import open_images


def saved(path, *shape):
    np.save(path, np.random.default_rng(0).integers(0, 256, shape, np.uint8))
    return open_images(path)


def test_both_come_at_the_size_of_the_first(tmp_path):
    with saved(tmp_path / "a.npy", 5, 10, 12, 1) as one, saved(tmp_path / "b.npy", 7, 20, 30, 1) as other:
        x, y = comparable_samples(one, other)
    assert (x.shape, y.shape) == ((5, 10, 12, 1), (7, 10, 12, 1))
    assert -1 <= x.min() < -0.9
    assert 0.9 < x.max() <= 1


def test_large_images_are_shrunk_and_many_are_sampled(tmp_path):
    with saved(tmp_path / "a.npy", 600, 9, 9, 1) as one, saved(tmp_path / "b.npy", 2, 300, 512, 1) as other:
        assert comparable_samples(other, one)[0].shape == (2, 98, 167, 1)
        assert comparable_samples(one, other)[0].shape == (512, 9, 9, 1)


def test_other_channels_are_one_line(tmp_path, only_line):
    with (
        saved(tmp_path / "a.npy", 5, 10, 12, 1) as one,
        saved(tmp_path / "b.npy", 5, 10, 12, 3) as other,
        pytest.raises(DataError) as caught,
    ):
        comparable_samples(one, other)
    assert "channel" in only_line(str(caught.value))
