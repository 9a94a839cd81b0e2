from __future__ import annotations

import io

import h5py
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import simgan
from simgan.errors import DataError
from simgan.evaluation import drift_of_points
from simgan.evaluation.refined_sample import Sample
from simgan.evaluation.sample_drift import measure_drift
from simgan.framing.displacement import displacement
from simgan.images import open_images
from simgan.images.picture_sheet import picture_sheet


@pytest.fixture(scope="module")
def run_on_eyes(eyes, tiny_config, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return simgan.train(tiny_config(steps=1), eyes / "synthetic.h5", eyes / "real.h5", folder / "run")


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


def test_figures_names_and_pictures_are_those_of_the_sample(run_on_eyes, labelled_source, tmp_path):
    """The sample has images 11, 9, 7, ... of the source, each with the label of its own."""
    whole = sample_of(labelled_source, resized=False)
    rows = list(range(11, 0, -2))
    moved = whole.synthetic[rows].copy()
    moved[:3] = np.roll(moved[:3], 2, axis=1)
    sample = Sample(rows, [whole.names[row] for row in rows], whole.synthetic[rows], moved, resized=False)
    shown = io.StringIO()
    (by_label, by_flow), warnings = measure_drift(
        run_on_eyes, labelled_source, sample, "iris", steps=2, seed=7, console=Console(file=shown)
    )
    flow = displacement(sample.synthetic, sample.refined)
    order = np.argsort(-flow, kind="stable")
    assert by_flow.worst_images == tuple((sample.names[row], flow[row]) for row in order)
    assert set(order[:3]) == {0, 1, 2}
    points = np.stack([labelled_source.labels("iris")[row] for row in rows])[:, None]
    read = drift_of_points(sample.synthetic, sample.refined, points, steps=2, seed=7)
    (held_out,) = read.held_out
    assert by_label.worst_images == ((sample.names[held_out], pytest.approx(read.drift.mean, rel=1e-4)),)
    assert by_label.own_error == pytest.approx(read.own_error, rel=1e-4)
    assert (by_label.picture, by_flow.picture) == ("worst-by-localiser.png", "worst-by-flow.png")
    for picture, drawn in ((by_label.picture, [held_out]), (by_flow.picture, order)):
        with Image.open(run_on_eyes.path / "evaluation" / picture) as found:
            np.testing.assert_array_equal(found, picture_sheet(sample.synthetic[drawn], sample.refined[drawn]))
    assert "localiser" in shown.getvalue()
    assert "2/2" in shown.getvalue()
    assert [warning for warning in warnings if "localiser's own error" in warning] == warnings
    assert len(warnings) == (read.own_error > read.drift.mean / 2)


def test_a_label_that_cannot_be_read_is_passed_over_for_the_next(run_on_eyes, labelled_source, monkeypatch):
    """`age` has no points, and `broken` cannot be read."""
    sample, labels = sample_of(labelled_source, resized=False), labelled_source.labels

    def read(name, indices=None):
        if name == "broken":
            raise DataError("broken: expected numbers")
        return labels(name, indices)

    labelled_source.label_names = ("broken", "age", "iris")
    monkeypatch.setattr(labelled_source, "labels", read)
    drifts, _ = measured(run_on_eyes, labelled_source, sample)
    assert [drift.measured_by for drift in drifts] == ["localiser of iris", "optical flow"]


def test_without_a_label_of_points_only_flow_measures(run_on_eyes, labelled_source):
    labelled_source.label_names = ("age",)
    drifts, warnings = measured(run_on_eyes, labelled_source, sample_of(labelled_source, resized=False))
    assert [drift.measured_by for drift in drifts] == ["optical flow"]
    assert warnings == []


@pytest.mark.parametrize("everywhere", [True, False])
def test_masks_are_followed_if_every_class_has_a_place_in_every_image(run_on_eyes, tmp_path, everywhere):
    """Two classes and background: segmented by estimators, and points for the localiser."""
    random = np.random.default_rng(0)
    masks = np.zeros((12, 24, 32), np.uint8)
    masks[:, 2:6, 3:9], masks[:, 12:20, 10:20] = 1, 2
    if not everywhere:
        masks[4] = masks[4] == 1
    np.savez(tmp_path / "masks.npz", image=random.integers(0, 255, (12, 24, 32), np.uint8), mask=masks)
    with open_images(tmp_path / "masks.npz", key="image") as source:
        drifts, warnings = measured(run_on_eyes, source, sample_of(source, resized=False))
    assert [drift.measured_by for drift in drifts] == ["localiser of mask"] * everywhere + ["optical flow"]
    said = [warning for warning in warnings if warning.startswith("The drift of mask was not measured")]
    assert len(said) == (not everywhere)
    assert all("no class 2 in 1 image(s), the first with index 4" in warning for warning in said)
