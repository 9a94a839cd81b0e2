from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

import simgan
from simgan.errors import ConfigError, DataError
from simgan.images import open_images
from simgan.settings.config import make_config
from simgan.settings.presets import PRESETS
from simgan.settings.records import read_settings
from simgan.tasks.task import Angle, Classification
from simgan.training.kept_labels import kept_labels

RANDOM = np.random.default_rng(0)
SIZE = (12, 10)
DIGITS = np.arange(40) % 4
GAZE = RANDOM.uniform(-0.5, 0.5, (40, 2))
POINTS = RANDOM.uniform(1, 9, (40, 2))
MASKS = (RANDOM.random((40, *SIZE)) < 0.5).astype(np.uint8)


@pytest.fixture
def keep(tmp_path):
    """What is kept of a set with these labels, by `default` with these changes."""

    def run(labels: dict[str, np.ndarray], size=SIZE, **changes):
        path = tmp_path / "set.npz"
        images = RANDOM.integers(0, 256, (40, *SIZE, 1)).astype(np.uint8)
        np.savez(path, image=images, **labels)
        config = make_config(changes, PRESETS["default"].config)
        with open_images(path, key="image") as source:
            return kept_labels(config, source, size)

    return run


def test_classes_alone_are_kept_in_place_of_the_place_of_content(keep):
    kept = keep({"digit": DIGITS})
    assert [(type(one.task), one.budget) for one in kept.labels] == [(Classification, ("digit", 5.0, "%"))]
    np.testing.assert_array_equal(kept.labels[0].labels, DIGITS)
    config = kept.config
    assert (config.keep_label, config.drift_budget, config.flip) == (("digit:5%",), None, False)
    assert (config.psi, config.self_regularisation) == ("structure", 1.0)
    first, second = kept.notes
    assert "all labels are classes" in first
    assert "--keep-label none" in first
    assert "drift_budget none in place of 0.25" in second
    assert "flip off in place of on" in second


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"gaze": GAZE},
        {"digit": DIGITS, "centre": POINTS},
        {"digit": DIGITS, "mask": MASKS},
        {"name": np.arange(40)},  # as many as images
        {"digit": DIGITS, "left": DIGITS},  # a position in whole pixels
        {"digit": DIGITS, "rotation_deg": DIGITS},
        {"digit": DIGITS, "kind": np.arange(40) % 20},  # two images of each value
        {"speed": np.linspace(0, 1, 40)},
        {"one": np.zeros(40, int)},
    ],
    ids=lambda labels: "+".join(labels) or "none",
)
def test_other_labels_are_kept_by_the_drift_budget_as_before(labels, keep):
    kept = keep(labels)
    assert kept == ((), PRESETS["default"].config.model_copy(update={"keep_label": ()}), ())


def test_none_keeps_no_label(keep):
    assert keep({"digit": DIGITS}, keep_label=("none",)).config.drift_budget == 0.25


def test_settings_that_are_not_the_default_stay(keep):
    config = keep({"digit": DIGITS}, drift_budget=0.5, psi="gradient", flip=False).config
    assert (config.drift_budget, config.psi, config.self_regularisation, config.flip) == (0.5, "gradient", 4.0, False)


def test_a_direction_is_kept_and_images_are_still_mirrored(keep):
    kept = keep({"gaze": GAZE, "digit": DIGITS}, keep_label=("gaze:1deg",))
    assert [type(one.task) for one in kept.labels] == [Angle]
    assert (kept.config.flip, kept.config.drift_budget, kept.config.psi) == (True, None, "structure")


def test_a_stricter_drift_budget_of_the_user_stays(keep):
    config = keep({"mask": MASKS}, keep_label=("mask:0.5px",), drift_budget=0.1).config
    assert config.drift_budget == 0.1


def test_the_settings_that_were_given_prolong_a_training_that_kept_classes(tmp_path, tiny_config):
    """Although the training changed some of them: weight, drift budget, mirroring and the budget of the label."""
    real = RANDOM.integers(0, 256, (40, *SIZE, 1)).astype(np.uint8)
    np.save(tmp_path / "real.npy", real)
    np.savez(tmp_path / "synthetic.npz", image=255 - real, digit=DIGITS)
    default = PRESETS["default"].config
    given = {name: getattr(default, name) for name in ("psi", "self_regularisation", "drift_budget", "keep_label")}
    config = tiny_config(**given, framing="keep")
    run = simgan.train(config, tmp_path / "synthetic.npz", tmp_path / "real.npy", tmp_path / "run")
    assert (run.config.self_regularisation, run.config.drift_budget, run.config.keep_label) == (
        1.0,
        None,
        ("digit:5%",),
    )
    longer = simgan.resume(run.path, config.model_copy(update={"steps": config.steps + 2}))
    assert longer.config.steps == config.steps + 2


def test_masks_are_kept_by_the_displacement_of_content(keep):
    kept = keep({"mask": MASKS}, keep_label=("mask:0.5px",))
    assert kept.labels == ()
    assert (kept.config.drift_budget, kept.config.psi, kept.config.flip) == (0.5, "structure", True)
    assert "drift_budget 0.5 in place of 0.25" in kept.notes[0]


@pytest.mark.parametrize(
    ("labels", "budget", "expected"),
    [
        ({"digit": DIGITS}, "digit:1deg", "digit.*classification.*in per cent, as 1%"),
        ({"gaze": GAZE}, "gaze:1%", "gaze.*angle.*in degrees, as 1deg"),
        ({"centre": POINTS}, "centre:1", "centre.*points.*in pixels, as 0.25px"),
    ],
)
def test_a_budget_in_the_wrong_unit_is_refused(labels, budget, expected, keep):
    with pytest.raises(ConfigError, match=f"keep_label: expected the budget of '{expected}"):
        keep(labels, keep_label=(budget,))


@pytest.mark.parametrize("budget", ["digit:100%", "gaze:200deg"])
def test_a_budget_that_allows_everything_is_refused(budget, keep):
    with pytest.raises(ConfigError, match="keep_label: expected a budget below"):
        keep({"digit": DIGITS, "gaze": GAZE}, keep_label=(budget,))


def test_labels_that_no_network_can_learn_are_refused_before_training(keep):
    speed = np.linspace(0, 1, 40)
    speed[[3, 5]] = np.nan
    with pytest.raises(DataError, match="missing or infinite numbers in 2 of 40 images"):
        keep({"speed": speed}, keep_label=("speed:0.1",))
    with pytest.raises(DataError, match="expected two classes or more"):
        keep({"one": np.zeros(40, int)}, keep_label=("one:1%",))


def test_a_label_that_is_not_there_is_refused(keep):
    with pytest.raises(DataError, match="expected the name of a label"):
        keep({"digit": DIGITS}, keep_label=("digits:1%",))


def test_points_of_images_that_are_resized_are_refused(keep):
    with pytest.raises(DataError, match="keep_label: expected images of the size of training"):
        keep({"centre": POINTS}, size=(24, 20), keep_label=("centre:0.5px",))


def test_a_training_that_keeps_a_label_goes_on_bit_for_bit(tmp_path, tiny_config, monkeypatch):
    """With all settings that draw random numbers; what was kept is said, recorded and measured."""
    real = RANDOM.integers(0, 256, (40, *SIZE, 1)).astype(np.uint8)
    np.save(tmp_path / "real.npy", real)
    np.savez(tmp_path / "synthetic.npz", image=255 - real, digit=DIGITS)
    sets = (tmp_path / "synthetic.npz", tmp_path / "real.npy")
    config = tiny_config(
        steps=22,
        jitter=1,
        flip=False,
        keep_label=("digit:1%",),
        refiner_average=0.9,
        checkpoint_every="4",
        log_every=(2, 1, 11),
    )
    said = io.StringIO()
    whole = simgan.train(config, *sets, tmp_path / "whole", console=Console(file=said, width=300))
    assert read_settings(whole.path / "config.toml")[0]["keep_label"] == ["digit:1%"]
    last = whole.metrics()[-1]
    assert 0 <= last["label_digit_lost"] <= 1
    assert last["label_digit_weight"] >= 0.02
    assert last["refiner_label"] > 0

    class StopAfterError(Exception):
        pass

    def stop_at_17(self) -> None:
        own(self)
        if self._state.position.phase == "adversarial" and self._state.position.step == 17:
            raise StopAfterError

    own = simgan.training.checkpoint.Checkpoints.step
    monkeypatch.setattr(simgan.training.checkpoint.Checkpoints, "step", stop_at_17)
    with pytest.raises(StopAfterError):
        simgan.train(config, *sets, tmp_path / "stopped")
    monkeypatch.undo()
    again = simgan.resume(tmp_path / "stopped")
    assert (again.path / "networks.safetensors").read_bytes() == (whole.path / "networks.safetensors").read_bytes()
    ignored = ("steps_per_second", "waiting_for_data")
    first, second = ({k: v for k, v in run.metrics()[-1].items() if k not in ignored} for run in (whole, again))
    assert first == second
