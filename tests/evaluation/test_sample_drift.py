from __future__ import annotations

import io

import h5py
import numpy as np
import pytest
from rich.console import Console

from simgan.evaluation.refined_sample import Sample
from simgan.evaluation.sample_drift import measure_drift
from simgan.images import open_images


@pytest.fixture
def labelled_source(tmp_path):
    """Twelve grey 24x32 images with a point each, `iris`, and numbers that are no points."""
    random = np.random.default_rng(0)
    with h5py.File(tmp_path / "labelled.h5", "w") as file:
        for index in range(12):
            file[f"image/{index:02d}"] = random.integers(0, 255, (24, 32), np.uint8)
            file[f"age/{index:02d}"] = float(index)
            file[f"iris/{index:02d}"] = random.uniform(5, 20, 2)
    with open_images(tmp_path / "labelled.h5") as source:
        yield source


def sample_of(source, *, resized: bool) -> Sample:
    """The images of `source`, and as refined ones the same moved to the right by one pixel."""
    x = source.pixel_range.to_model(np.stack(source.read(range(len(source)))))
    names = [source.names[index] for index in range(len(source))]
    return Sample(list(range(len(source))), names, x, np.roll(x, 1, axis=2), resized=resized)


def measured(run, source, sample, points=None):
    return measure_drift(run, source, sample, points, steps=2, seed=0, console=Console(file=io.StringIO()))


def test_the_first_label_of_points_is_followed_and_the_worst_images_are_drawn(run_on_eyes, labelled_source):
    drifts, _ = measured(run_on_eyes, labelled_source, sample_of(labelled_source, resized=False))
    assert [drift.measured_by for drift in drifts] == ["localiser of iris", "optical flow"]
    assert [drift.images for drift in drifts] == [2, 12]  # a fifth of twelve is held out
    for drift in drifts:
        assert (run_on_eyes.path / "evaluation" / drift.picture).read_bytes().startswith(b"\x89PNG")


def test_points_of_images_that_were_resized_are_not_followed(run_on_eyes, labelled_source):
    drifts, (warning,) = measured(run_on_eyes, labelled_source, sample_of(labelled_source, resized=True))
    assert [drift.measured_by for drift in drifts] == ["optical flow"]
    assert "several sizes" in warning
