from __future__ import annotations

import shutil
from dataclasses import replace

import h5py
import numpy as np
import pytest

import simgan
from simgan.command_line.main import main
from simgan.errors import ConfigError, DataError
from simgan.evaluation import structural_similarity
from simgan.evaluation.contenders import ALL, WITH_REFINED
from simgan.evaluation.evaluate import EvaluateConfig, evaluate
from simgan.evaluation.refined_sample import refined_sample
from simgan.evaluation.results import read_evaluation
from simgan.framing.displacement import displacement
from simgan.images import open_images
from simgan.report import write_report

QUICK = EvaluateConfig(label="gaze", steps=2, two_sample_steps=2, seeds=1, plain=False)


@pytest.fixture
def measured(monkeypatch):
    """The two-sample test with few steps, for which the command line has no option."""
    original = simgan.evaluation.evaluate.distances
    monkeypatch.setattr(
        simgan.evaluation.evaluate, "distances", lambda *sets, **options: original(*sets, **options | {"steps": 2})
    )


@pytest.fixture(scope="module")
def evaluated(trained_on_eyes, eyes, tmp_path_factory):
    """A run and its evaluation, with two seeds and a score of gaze. Read both; do not change them."""
    run = simgan.Run.open(shutil.copytree(trained_on_eyes, tmp_path_factory.mktemp("evaluated") / "run"))
    with open_images(eyes / "test.h5") as test:
        return run, evaluate(run, real_test=test, config=replace(QUICK, seeds=2, plain=True), command="by hand")


def test_everything_is_measured_and_kept(evaluated, eyes):
    run, found = evaluated
    assert read_evaluation(run.path) == found
    (score,) = found.downstream
    assert (score.task, score.test_images, score.training_images, score.seeds) == ("angle", 12, 20, 2)
    assert [(one.on, one.augmented) for one in score.trained] == [
        (name, aug) for name in ALL if name != "framing" for aug in (False, True)
    ]
    assert {one.on for one in score.comparisons} == set(WITH_REFINED)
    by_label, by_flow = found.drift
    assert (by_label.measured_by, by_label.images) == ("localiser of iris_centre", 4)
    assert (by_flow.measured_by, by_flow.images) == ("optical flow", 20)
    with open_images(eyes / "synthetic.h5") as source:
        sample = refined_sample(run, source, 20)
    assert by_flow.mean == pytest.approx(displacement(sample.synthetic, sample.refined).mean())
    assert by_flow.mean > 0
    structure = structural_similarity(sample.synthetic, sample.refined).mean()
    assert found.structural_similarity == pytest.approx(structure)
    for drift in found.drift:
        assert (run.path / "evaluation" / drift.picture).stat().st_size > 500
    assert len(found.distances) == 6
    assert 0 < found.structural_similarity <= 1
    assert any("12 labelled real images" in warning for warning in found.warnings)
    assert not any("--seeds" in warning for warning in found.warnings)


def test_without_labelled_images_an_earlier_score_is_kept(evaluated, tmp_path):
    before, first = evaluated
    run = simgan.Run.open(shutil.copytree(before.path, tmp_path / "run"))
    second = evaluate(run, config=QUICK, command="simgan evaluate caf\udce9")  # a name that is not UTF-8
    assert read_evaluation(run.path) == second
    assert r"caf\udce9" in write_report(run).read_text("utf-8")
    assert second.downstream == first.downstream != ()
    assert second.drift[0].measured_by == "localiser of iris_centre"


OLDER = """{"version": 2, "date": "2025-01-02", "command": "simgan evaluate", "downstream": [{"task": "angle",
"refined_minus_synthetic": {"estimate": -1, "low": -2, "high": 0}}]}"""


def test_results_of_an_older_version_are_replaced_with_a_warning(run_on_eyes, capsys, only_line):
    folder = run_on_eyes.path / "evaluation"
    folder.mkdir()
    (folder / "results.json").write_text(OLDER)
    assert main(["report", str(run_on_eyes.path)]) == 0  # as after a training that was prolonged
    capsys.readouterr()
    page = (run_on_eyes.path / "report.html").read_text("utf-8")
    assert f"simgan evaluate {run_on_eyes.path} --real-test" in page
    found = evaluate(run_on_eyes, config=QUICK)
    (warning,) = (one for one in found.warnings if "replaced" in one)
    assert "older version of simgan" in only_line(warning)
    assert found.downstream == ()
    assert read_evaluation(run_on_eyes.path) == found


def test_labels_in_other_proportions_are_a_warning(run_on_eyes, tmp_path):
    """Synthetic depths about 1, real ones about 3. That equal labels are no warning: below, where masks are points."""
    random = np.random.default_rng(0)
    for name, mean in (("synthetic", 1.0), ("test", 3.0)):
        images = random.integers(0, 255, (12, 24, 32), np.uint8)
        np.savez(tmp_path / f"{name}.npz", image=images, depth=random.normal(mean, 0.2, 12))
    with (
        open_images(tmp_path / "synthetic.npz", key="image") as synthetic,
        open_images(tmp_path / "test.npz", key="image") as test,
    ):
        config = replace(QUICK, label="depth", steps=1)
        found = evaluate(run_on_eyes, synthetic=synthetic, real_test=test, config=config)
    (warning,) = (warning for warning in found.warnings if "distributed differently" in warning)
    assert "depth" in warning
    assert str(tmp_path / "test.npz") in warning


def test_label_that_is_not_clear_is_one_line(run_on_eyes, eyes, only_line):
    with open_images(eyes / "test.h5") as test, pytest.raises(DataError) as caught:
        evaluate(run_on_eyes, real_test=test)
    assert "--label" in only_line(str(caught.value))


def test_data_that_have_moved_are_one_line(run_on_eyes, eyes, only_line, tmp_path):
    (eyes / "synthetic.h5").rename(tmp_path / "elsewhere.h5")
    try:
        with pytest.raises(DataError) as caught:
            evaluate(run_on_eyes)
    finally:
        (tmp_path / "elsewhere.h5").rename(eyes / "synthetic.h5")
    assert "--synthetic" in only_line(str(caught.value))


@pytest.mark.usefixtures("measured")
def test_evaluate_and_report_from_the_command_line(run_on_eyes, eyes, capsys):
    arguments = [
        "evaluate",
        run_on_eyes.path,
        "--real-test",
        eyes / "test.h5",
        "--label",
        "gaze",
        "--quick",
        "--steps",
        2,
    ]
    assert main([str(argument) for argument in arguments]) == 0
    shown = capsys.readouterr().out
    assert "gaze, trained" in shown
    assert "Drift by optical flow" in shown
    found = read_evaluation(run_on_eyes.path)
    assert found.command.startswith("simgan evaluate ")
    assert "--label gaze" in found.command
    assert any("--seeds 3" in warning for warning in found.warnings)  # one seed says nothing of others
    page = (run_on_eyes.path / "report.html").read_text("utf-8")
    assert "Did refining help?" in page
    assert main(["report", str(run_on_eyes.path)]) == 0
    assert "report.html" in capsys.readouterr().out


def test_drift_from_the_command_line(eyes, capsys):
    path = str(eyes / "synthetic.h5")
    assert main(["drift", path, path]) == 0
    assert "Drift by optical flow: 0.0" in capsys.readouterr().out
    assert main(["drift", path, path, "--points", "iris_centre", "--steps", "2"]) == 0
    shown = capsys.readouterr().out
    assert "on unrefined images the localiser is wrong by" in shown
    assert "may be the localiser's own error" in shown


def test_points_of_images_of_several_sizes_are_not_followed(run_on_eyes, tmp_path):
    random = np.random.default_rng(0)
    with h5py.File(tmp_path / "sizes.h5", "w") as file:
        for index in range(12):
            file[f"image/{index:02d}"] = random.integers(0, 255, (24 + index % 2, 32), np.uint8)
            file[f"iris/{index:02d}"] = random.uniform(5, 20, 2)
    with open_images(tmp_path / "sizes.h5") as source:
        config = replace(QUICK, label="iris")
        found = evaluate(run_on_eyes, synthetic=source, config=config)
        with pytest.raises(DataError, match="one size"):
            evaluate(run_on_eyes, synthetic=source, real_test=source, config=config)
    assert [drift.measured_by for drift in found.drift] == ["optical flow"]
    assert any("several sizes" in warning for warning in found.warnings)


@pytest.mark.parametrize("name", ["steps", "seeds", "images"])
def test_nothing_to_do_is_refused(name, only_line):
    with pytest.raises(ConfigError) as caught:
        EvaluateConfig(**{name: 0})
    assert only_line(str(caught.value)).startswith(f"{name}: ")


def test_an_estimator_that_is_no_model_is_refused_before_anything_is_refined(run_on_eyes, monkeypatch):
    monkeypatch.setattr(simgan.evaluation.evaluate, "refined_sample", lambda *_: pytest.fail("refined first"))
    with pytest.raises(ConfigError, match="estimator"):
        evaluate(run_on_eyes, config=EvaluateConfig(estimator="nothing.keras"))


@pytest.mark.parametrize("name", ["real", "real_test"])
def test_a_set_with_other_channels_is_refused_before_anything_is_refined(run_on_eyes, tmp_path, monkeypatch, name):
    monkeypatch.setattr(simgan.evaluation.evaluate, "refined_sample", lambda *_: pytest.fail("refined first"))
    np.save(tmp_path / "colour.npy", np.zeros((5, 24, 32, 3), np.uint8))
    with (
        open_images(tmp_path / "colour.npy") as colour,
        pytest.raises(DataError, match="channels: expected the same number in both data sets"),
    ):
        evaluate(run_on_eyes, **{name: colour})


def test_a_quick_look_measures_the_same_with_less_of_everything():
    whole = EvaluateConfig(label="gaze", points="iris_centre", estimator="paper", seed=3)
    quick = whole.quick()
    amounts = ("steps", "two_sample_steps", "seeds", "images")
    assert all(getattr(quick, name) < getattr(whole, name) for name in amounts)
    assert not quick.plain  # with augmentation only
    assert replace(quick, plain=True, **{name: getattr(whole, name) for name in amounts}) == whole


def test_quick_gives_way_to_what_is_said_beside_it(monkeypatch, run_on_eyes, capsys):
    asked = []

    def stop(*_, config, command, **__):
        asked.append((config, command))
        raise ConfigError("steps: enough")

    monkeypatch.setattr(simgan.evaluation.evaluate, "evaluate", stop)
    assert main(["evaluate", str(run_on_eyes.path), "--quick", "--images", "16"]) == 2
    assert "steps: enough" in capsys.readouterr().err
    ((config, command),) = asked
    assert (config.images, config.seeds, config.steps) == (16, 1, EvaluateConfig().quick().steps)
    assert command.endswith("--quick --images 16")


@pytest.mark.parametrize("name", ["real", "real_test"])
def test_a_set_in_another_range_than_in_training_is_refused(name, signed_run, tmp_path, only_line):
    """The run read floats in [-1, 1]; these look like [0, 1]."""
    np.save(tmp_path / "other.npy", np.random.default_rng(0).uniform(0, 0.9, (9, 8, 8)).astype(np.float32))
    with open_images(tmp_path / "other.npy") as other:
        with pytest.raises(DataError) as caught:
            evaluate(signed_run, **{name: other})
        assert "guessed as [0, 1]" in only_line(str(caught.value))


def write_scenes(path, count: int, seed: int, *, label: str, **labels: np.ndarray) -> None:
    """Grey 24x32 images with a rectangle of one of two classes: `mask`, or `boxes` of two rows, one of them empty."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 80, (count, 24, 32), np.uint8)
    masks, boxes = np.zeros((count, 24, 32), np.uint8), np.zeros((count, 2, 5), np.float32)
    for image, mask, (box, _) in zip(images, masks, boxes, strict=True):
        y, x, height, width, kind = *random.integers(0, 12, 2), *random.integers(8, 12, 2), random.integers(2)
        image[y : y + height, x : x + width] += (60, 170)[kind]
        mask[y : y + height, x : x + width] = 1 + kind
        box[:] = x, y, width, height, kind
    with h5py.File(path, "w") as file:
        for name, rows in {"image": images, label: masks if label == "mask" else boxes, **labels}.items():
            file[name] = rows


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize(
    ("label", "task", "unit", "flags"),
    [("mask", "segmentation", "1 - mIoU", ["--seeds", 1]), ("boxes", "detection", "1 - AP50", ["--quick"])],
)
def test_masks_and_boxes_from_the_command_line(label, task, unit, flags, run_on_eyes, tmp_path, capsys):
    for name, count in (("synthetic", 16), ("test", 12)):
        write_scenes(tmp_path / f"{name}.h5", count, len(name), label=label)
    arguments = ["evaluate", run_on_eyes.path, "--synthetic", tmp_path / "synthetic.h5", "--synthetic-key", "image"]
    arguments += ["--real-test", tmp_path / "test.h5", "--real-test-key", "image", "--steps", 2, *flags]
    assert main([str(argument) for argument in arguments]) == 0
    shown = capsys.readouterr().out
    assert f"{label}, trained on" in shown
    (score,) = read_evaluation(run_on_eyes.path).downstream
    assert (score.task, score.unit, score.label, score.test_images) == (task, unit, label, 12)
    assert all(0 <= one.error.low <= one.error.high <= 1 for one in score.trained)
    assert {one.augmented for one in score.trained} == ({True} if "--quick" in flags else {False, True})
    guessed = [warning for warning in read_evaluation(run_on_eyes.path).warnings if "--task points" in warning]
    assert len(guessed) == (label == "mask")
    assert all("classes 0, 1, 2" in warning for warning in guessed)
    assert f"error, {unit}" in (run_on_eyes.path / "report.html").read_text("utf-8")


@pytest.fixture
def learnt(monkeypatch):
    """The labels of the synthetic and of the real images of which estimators learn, instead of the learning."""
    seen = []

    def stop(synthetic, refined, photographs, test, *_, **__):
        seen.extend([synthetic.labels, test.labels])
        raise InterruptedError

    monkeypatch.setattr(simgan.evaluation.evaluate, "downstream", stop)
    return seen


def test_masks_of_real_images_of_another_size_are_resized_with_them(run_on_eyes, tmp_path, learnt):
    write_scenes(tmp_path / "synthetic.h5", 12, 0, label="mask")
    large = np.zeros((9, 48, 64), np.uint8)
    large[:, :2, 4:6] = 1
    np.savez(tmp_path / "test.npz", image=large, mask=large)
    with (
        open_images(tmp_path / "synthetic.h5", key="image") as synthetic,
        open_images(tmp_path / "test.npz", key="image") as test,
        pytest.raises(InterruptedError),
    ):
        evaluate(run_on_eyes, synthetic=synthetic, real_test=test, config=replace(QUICK, label="mask"))
    expected = np.zeros((9, 24, 32), np.uint8)
    expected[:, 0, 2] = 1
    np.testing.assert_array_equal(learnt[1], expected)


def test_boxes_are_scaled_with_images_of_several_sizes(run_on_eyes, tmp_path, learnt):
    """The run was trained on 24x32; images of 48x32 and 24x64 are resized to it."""
    with h5py.File(tmp_path / "sizes.h5", "w") as file:
        for index in range(12):
            shape = (48, 32) if index % 2 else (24, 64)
            file[f"image/{index:02d}"] = np.random.default_rng(index).integers(0, 255, shape, np.uint8)
            file[f"boxes/{index:02d}"] = np.array([[4.0, 8, 10, 12, 1]])
    with open_images(tmp_path / "sizes.h5") as source, pytest.raises(InterruptedError):
        evaluate(run_on_eyes, synthetic=source, real_test=source, config=replace(QUICK, label="boxes"))
    for boxes in learnt:
        assert [of_image.tolist() for of_image in boxes] == [[[2, 8, 5, 12, 1]], [[4, 4, 10, 6, 1]]] * 6


def test_masks_may_be_points(run_on_eyes, tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (12, 24, 32), np.uint8)
    masks = np.zeros((12, 24, 32), np.uint8)
    masks[:, 3:9, 5:9], masks[:, 12:18, 20:28] = 1, 2
    np.savez(tmp_path / "masks.npz", image=images, mask=masks)
    with open_images(tmp_path / "masks.npz", key="image") as source:
        found = evaluate(
            run_on_eyes, synthetic=source, real_test=source, config=replace(QUICK, task="points", label="mask")
        )
    assert found.downstream[0].task == "points"
    assert not any("distributed differently" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("label", "changed", "reason"),
    [
        ("mask", np.full((12, 24, 32), 255, np.uint8), "expected the classes 0, 1, 2"),
        ("mask", np.zeros((12, 12, 16), np.uint8), "to have the shape (24, 32)"),
        ("boxes", np.zeros((12, 2, 5), np.float32), "expected the classes 0, 1"),
        ("boxes", np.zeros((12, 2), np.float32), "expected boxes (x, y, width, height in px, class)"),
    ],
    ids=["no pixel with a label", "masks of another size", "no box", "no boxes"],
)
def test_real_masks_and_boxes_that_do_not_fit_are_one_line(label, changed, reason, run_on_eyes, tmp_path, only_line):
    write_scenes(tmp_path / "synthetic.h5", 12, 0, label=label)
    write_scenes(tmp_path / "test.h5", 12, 1, label="other", **{label: changed})
    with (
        open_images(tmp_path / "synthetic.h5", key="image") as synthetic,
        open_images(tmp_path / "test.h5", key="image") as test,
        pytest.raises(DataError) as caught,
    ):
        evaluate(run_on_eyes, synthetic=synthetic, real_test=test, config=replace(QUICK, label=label))
    line = only_line(str(caught.value))
    assert reason in line
    assert str(tmp_path / "test.h5") in line


def test_an_estimator_that_cannot_learn_masks_is_refused_before_anything_is_measured(
    run_on_eyes, tmp_path, monkeypatch, only_line
):
    monkeypatch.setattr(simgan.evaluation.evaluate, "measure_drift", lambda *_, **__: pytest.fail("measured first"))
    write_scenes(tmp_path / "masks.h5", 12, 0, label="mask")
    with open_images(tmp_path / "masks.h5", key="image") as source, pytest.raises(ConfigError) as caught:
        evaluate(
            run_on_eyes, synthetic=source, real_test=source, config=replace(QUICK, label="mask", estimator="paper")
        )
    assert "the only one for segmentation" in only_line(str(caught.value))
