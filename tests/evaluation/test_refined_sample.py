from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

import simgan
from simgan.errors import DataError
from simgan.evaluation.refined_sample import refined_sample
from simgan.images import PixelRange, open_images


@pytest.fixture(scope="module")
def run_on_eyes(eyes, tiny_config, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return simgan.train(tiny_config(steps=1), eyes / "synthetic.h5", eyes / "real.h5", folder / "run")


def test_sample_is_refined_as_the_whole_set_is(run_on_eyes, eyes):
    with open_images(eyes / "synthetic.h5") as source:
        shown = io.StringIO()
        sample = refined_sample(run_on_eyes, source, 5, Console(file=shown))
        stored = np.stack([source[index] for index in sample.indices])
        expected = source.pixel_range.to_model(simgan.refine(run_on_eyes, stored))
    assert sample.indices == [0, 5, 10, 14, 19]
    assert sample.names == [f"{index:06d}" for index in sample.indices]
    np.testing.assert_array_equal(sample.refined, expected)
    np.testing.assert_allclose(sample.synthetic, stored / 127.5 - 1, atol=1e-6)
    assert (sample.size, sample.resized) == ((24, 32), False)
    assert "refining a sample" in shown.getvalue()
    assert "5/5" in shown.getvalue()


def test_images_of_several_sizes_are_sampled_at_the_training_size(run_on_eyes, write_pngs, tmp_path):
    """Each image is of one grey, so that it is known at any size."""
    greys = np.array([0, 51, 255], np.uint8)
    folder = write_pngs(tmp_path / "pngs", [np.full((24 + 2 * n, 40), grey) for n, grey in enumerate(greys)])
    with open_images(folder) as source:
        sample = refined_sample(run_on_eyes, source, 9)
        names = list(source.names)
    assert (sample.indices, sample.names, sample.resized) == ([0, 1, 2], names, True)
    expected = np.broadcast_to(np.array([-1, -0.6, 1])[:, None, None, None], (3, 24, 32, 1))
    np.testing.assert_allclose(sample.synthetic, expected, atol=1e-6)
    refined = simgan.refine(run_on_eyes, sample.synthetic, pixel_range=PixelRange(-1, 1))
    np.testing.assert_array_equal(sample.refined, refined)


def test_a_guessed_range_that_is_not_that_of_training_is_refused(signed_run, tmp_path, only_line):
    np.save(tmp_path / "unit.npy", np.random.default_rng(0).uniform(0, 1, (4, 8, 8)).astype(np.float32))
    with open_images(tmp_path / "unit.npy") as source, pytest.raises(DataError) as caught:
        refined_sample(signed_run, source, 2)
    assert "the range in training" in only_line(str(caught.value))
