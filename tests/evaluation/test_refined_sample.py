from __future__ import annotations

import numpy as np

import simgan
from simgan.evaluation.refined_sample import refined_sample
from simgan.images import open_images


def test_sample_is_refined_as_the_whole_set_is(run_on_eyes, eyes):
    with open_images(eyes / "synthetic.h5") as source:
        sample = refined_sample(run_on_eyes, source, 5)
        stored = np.stack([source[index] for index in sample.indices])
        expected = source.pixel_range.to_model(simgan.refine(run_on_eyes, stored))
    assert sample.indices == [0, 5, 10, 14, 19]
    assert sample.names == [f"{index:06d}" for index in sample.indices]
    np.testing.assert_array_equal(sample.refined, expected)


def test_images_of_several_sizes_are_sampled_at_the_training_size(run_on_eyes, write_pngs, tmp_path):
    random = np.random.default_rng(0)
    folder = write_pngs(tmp_path / "pngs", [random.integers(0, 255, (24 + 2 * n, 40), np.uint8) for n in range(3)])
    with open_images(folder) as source:
        assert refined_sample(run_on_eyes, source, 9).refined.shape == (3, 24, 32, 1)
