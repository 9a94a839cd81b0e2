from __future__ import annotations

import h5py
import numpy as np
import pytest

import simgan
from simgan.cli import main
from simgan.errors import DataError
from simgan.eyes import write_eyes
from simgan.images import open_images
from simgan.results import read_evaluation
from simgan.scoring import EvaluateConfig, drift_of_data_sets, evaluate, refined_sample

QUICK = EvaluateConfig(label="gaze", steps=2, seeds=2)


@pytest.fixture(scope="module")
def eyes(tmp_path_factory):
    """Synthetic, camera and test eyes, and a tiny run on them."""
    folder = tmp_path_factory.mktemp("eyes")
    for name, count, domain in (("synthetic", 20, "synthetic"), ("real", 16, "camera"), ("test", 12, "camera")):
        write_eyes(folder / f"{name}.h5", count, domain=domain, seed=len(name), height=24, width=32)
    return folder


@pytest.fixture
def run(eyes, tiny_config, tmp_path):
    return simgan.train(tiny_config(steps=1), eyes / "synthetic.h5", eyes / "real.h5", tmp_path / "run")


@pytest.fixture
def measured(monkeypatch):
    """The two-sample test with few steps."""
    original = simgan.scoring.distances
    monkeypatch.setattr(simgan.scoring, "distances", lambda *sets, **options: original(*sets, steps=2, **options))


@pytest.mark.usefixtures("measured")
def test_everything_is_measured_and_kept(run, eyes):
    with open_images(eyes / "test.h5") as test:
        found = evaluate(run, real_test=test, config=QUICK, command="by hand")
    assert read_evaluation(run.path) == found
    (score,) = found.downstream
    assert (score.task, score.test_images, score.training_images, score.seeds) == ("angle", 12, 20, 2)
    assert [trained.on for trained in score.trained] == ["synthetic", "refined", "union"]
    by_label, by_flow = found.drift
    assert (by_label.measured_by, by_label.images) == ("localiser of iris_centre", 4)
    assert (by_flow.measured_by, by_flow.images) == ("optical flow", 20)
    for drift in found.drift:
        assert (run.path / "evaluation" / drift.picture).stat().st_size > 500
    assert len(found.distances) == 6
    assert 0 < found.structural_similarity <= 1
    assert any("12 labelled real images" in warning for warning in found.warnings)


@pytest.mark.usefixtures("measured")
def test_without_labelled_images_an_earlier_score_is_kept(run, eyes):
    with open_images(eyes / "test.h5") as test:
        first = evaluate(run, real_test=test, config=QUICK)
    second = evaluate(run, config=QUICK)
    assert second.downstream == first.downstream
    assert second.drift[0].measured_by == "localiser of iris_centre"


def test_label_that_is_not_clear_is_one_line(run, eyes, only_line):
    with open_images(eyes / "test.h5") as test, pytest.raises(DataError) as caught:
        evaluate(run, real_test=test)
    assert "--label" in only_line(str(caught.value))


def test_data_that_have_moved_are_one_line(run, eyes, only_line, tmp_path):
    (eyes / "synthetic.h5").rename(tmp_path / "elsewhere.h5")
    try:
        with pytest.raises(DataError) as caught:
            evaluate(run)
    finally:
        (tmp_path / "elsewhere.h5").rename(eyes / "synthetic.h5")
    assert "--synthetic" in only_line(str(caught.value))


def test_sample_is_refined_as_the_whole_set_is(run, eyes):
    with open_images(eyes / "synthetic.h5") as source:
        sample = refined_sample(run, source, 5)
        stored = np.stack([source[index] for index in sample.indices])
        expected = source.pixel_range.to_model(simgan.refine(run, stored))
    assert sample.indices == [0, 5, 10, 14, 19]
    assert sample.names == [f"{index:06d}" for index in sample.indices]
    np.testing.assert_array_equal(sample.refined, expected)


def test_images_of_several_sizes_are_sampled_at_the_training_size(run, write_pngs, tmp_path):
    random = np.random.default_rng(0)
    folder = write_pngs(tmp_path / "pngs", [random.integers(0, 255, (24 + 2 * n, 40), np.uint8) for n in range(3)])
    with open_images(folder) as source:
        assert refined_sample(run, source, 9).refined.shape == (3, 24, 32, 1)


def test_drift_of_data_sets_by_flow_and_by_label(eyes):
    with open_images(eyes / "synthetic.h5") as source:
        by_flow, structure = drift_of_data_sets(source, source, None)
        by_label, _ = drift_of_data_sets(source, source, "iris_centre", steps=2)
    assert by_flow.worst < 0.05
    assert structure == pytest.approx(1)
    assert by_label.worst == 0
    assert by_label.own_error > 0


def test_set_with_other_labels_is_not_the_refined_one(eyes, tmp_path, only_line):
    other = tmp_path / "other.h5"
    other.write_bytes((eyes / "synthetic.h5").read_bytes())
    with h5py.File(other, "r+") as file:
        file["iris_centre/000003"][...] += 1
    with open_images(eyes / "synthetic.h5") as x, open_images(other) as y, pytest.raises(DataError) as caught:
        drift_of_data_sets(x, y, "iris_centre", steps=1)
    assert "refined" in only_line(str(caught.value))


@pytest.mark.usefixtures("measured")
def test_evaluate_and_report_from_the_command_line(run, eyes, capsys):
    arguments = ["evaluate", run.path, "--real-test", eyes / "test.h5", "--label", "gaze", "--steps", 2, "--seeds", 1]
    assert main([str(argument) for argument in arguments]) == 0
    shown = capsys.readouterr().out
    assert "gaze, trained" in shown
    assert "drift by optical flow" in shown
    found = read_evaluation(run.path)
    assert found.command.startswith("simgan evaluate ")
    assert "--label gaze" in found.command
    page = (run.path / "report.html").read_text("utf-8")
    assert "Did refining help?" in page
    assert main(["report", str(run.path)]) == 0
    assert "report.html" in capsys.readouterr().out


def test_drift_from_the_command_line(eyes, capsys):
    path = str(eyes / "synthetic.h5")
    assert main(["drift", path, path]) == 0
    assert "drift by optical flow: 0.0" in capsys.readouterr().out
    assert main(["drift", path, path, "--points", "iris_centre", "--steps", "2"]) == 0
    assert "own error" in capsys.readouterr().out
