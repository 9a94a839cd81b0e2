from __future__ import annotations

import io
import re

import numpy as np
import pytest
from rich.console import Console

import simgan
from simgan.command_line.main import main
from simgan.errors import HealthError
from simgan.eyes import write_eyes
from simgan.report import write_report
from simgan.runs.position import Position
from simgan.settings.config import make_config
from simgan.settings.presets import PRESETS
from simgan.training.health import alarms, check_arrays, check_losses, raised_alarms

HERE = Position("adversarial", 40)


def test_first_step_that_is_not_finite_is_named_with_its_loss(only_line):
    good = np.zeros(5, np.float32)
    late, early = good.copy(), good.copy()
    late[4], early[2:] = np.nan, np.inf
    with pytest.raises(HealthError) as caught:
        check_losses({"refiner_total": late, "discriminator_total": early, "refiner_change": good}, HERE)
    assert only_line(str(caught.value)).startswith(
        "adversarial step 38: expected a finite discriminator_total, received inf"
    )


def test_array_that_is_not_finite_is_named():
    with pytest.raises(HealthError, match=r"adversarial step 40: .* in b, "):
        check_arrays({"a": np.zeros(3), "b": np.array([1, np.nan]), "n": np.array([3])}, HERE)


def test_finite_numbers_are_well():
    check_losses({"a": np.array([1e38, -1e38], np.float32)}, HERE)
    check_losses({}, HERE)
    check_arrays({"a": np.ones(3), "b": np.array(2**60)}, HERE)


GOOD = {
    "phase": "adversarial",
    "step": 40,
    "refiner_change": 0.12,
    "refiner_brightening": -0.3,
    "refiner_gradient": 0.2,
    "discriminator_real_accuracy": 0.62,
    "discriminator_refined_accuracy": 0.66,
    "discriminator_logit_spread": 1.0,
    "discriminator_intensity_gap": 0.02,
    "discriminator_gradient": 0.3,
    "history_fill": 1.0,
    "measured_drift": 0.55,
}
WRONG = {
    "identity": {"refiner_change": 0.001},
    "perfect": {"discriminator_real_accuracy": 1.0, "discriminator_refined_accuracy": 0.995},
    "chance": {"discriminator_real_accuracy": 0.49, "discriminator_refined_accuracy": 0.51},
    "constant": {"discriminator_logit_spread": 1e-6},
    "intensity": {"refiner_brightening": 0.5, "discriminator_intensity_gap": 0.6},
    "history": {"history_fill": 0.3},
    "vanished R": {"refiner_gradient": 1e-9},
    "vanished D": {"discriminator_gradient": 0.0},
    "budget": {"measured_drift": 0.9},
}


def test_a_good_training_raises_no_alarm():
    assert alarms([GOOD] * 20, drift_budget=0.5) == {}
    assert alarms([], drift_budget=0.5) == {}


DEMO_IN_SMALL = {
    "batch_size": 16,
    "history_size": 64,
    "refiner_pretrain_steps": 30,
    "discriminator_pretrain_steps": 20,
    "steps": 48,
    "log_every": (10, 10, 8),
    "refiner": {"filters": 16, "blocks": 2},
    "precision": "float32",
    "compile": "off",
}


def test_the_demo_in_small_raises_no_alarm(tmp_path):
    """The demo's settings on its eyes, with fewer of everything: a record of a training, not of ours."""
    write_eyes(tmp_path / "x.h5", 96, seed=1, height=28, width=44)
    write_eyes(tmp_path / "y.h5", 64, seed=2, domain="camera", height=28, width=44)
    config = make_config(DEMO_IN_SMALL, PRESETS["default"].config)
    shown = io.StringIO()
    run = simgan.train(config, tmp_path / "x.h5", tmp_path / "y.h5", tmp_path / "run", console=Console(file=shown))
    records = [record for record in run.metrics() if record["phase"] == "adversarial"]
    assert len(records) == 6
    assert all(GOOD.keys() <= record.keys() for record in records)  # all that alarms look at
    assert list(raised_alarms(records, config.drift_budget)) == []
    assert "alarm: " not in shown.getvalue()


@pytest.mark.parametrize("name", WRONG)
def test_each_alarm_is_raised_by_its_trouble_alone_and_only_if_it_lasts(name):
    wrong = GOOD | WRONG[name]
    assert list(alarms([GOOD] + [wrong] * 5, drift_budget=0.5)) == [name]
    assert name not in alarms([wrong] * 4, drift_budget=0.5)
    if name not in ("intensity", "history", "budget"):  # these are of means and of growth
        assert alarms([wrong] * 4 + [GOOD], drift_budget=0.5) == {}
    assert alarms([wrong | {"phase": "discriminator_pretrain"}] * 8, drift_budget=0.5) == {}


def test_no_budget_is_never_overdrawn():
    assert alarms([GOOD | {"measured_drift": 9.0}] * 5) == {}


def test_brightness_that_follows_the_real_images_is_no_trouble():
    """Synthetic images 0.5 too dark are made 0.4 brighter: what is left is less than there was."""
    assert alarms([GOOD | {"refiner_brightening": 0.4, "discriminator_intensity_gap": -0.1}] * 5) == {}


def test_a_history_that_fills_slowly_is_no_trouble():
    assert alarms([GOOD | {"history_fill": 0.001 * n} for n in range(5)]) == {}


def test_alarms_of_the_past_keep_their_steps():
    records = [GOOD | {"step": 40 * n} | (WRONG["perfect"] if 3 <= n < 9 else {}) for n in range(1, 15)]
    assert [line.partition(":")[0] for line in raised_alarms(records)] == ["Steps 120 to 320"]


BLACK_AND_WHITE = {
    "discriminator_pretrain_steps": 30,
    "steps": 40,
    "log_every": (5, 5, 5),
    "discriminator_optimiser": {"name": "adam", "learning_rate": 1e-2},
    "refiner_optimiser": {"name": "sgd", "learning_rate": 1e-9},
}


@pytest.fixture
def black_and_white(tmp_path):
    """Sets that D tells apart at once, where R may hardly learn."""
    random = np.random.default_rng(0)
    np.save(tmp_path / "black.npy", random.integers(0, 40, (12, 8, 8), np.uint8))
    np.save(tmp_path / "white.npy", random.integers(215, 256, (12, 8, 8), np.uint8))
    return tmp_path / "black.npy", tmp_path / "white.npy"


def test_a_training_that_is_lost_says_so_and_goes_on(black_and_white, tmp_path, tiny_config):
    shown = io.StringIO()
    console = Console(file=shown, width=300)
    run = simgan.train(tiny_config(**BLACK_AND_WHITE), *black_and_white, tmp_path / "run", console=console)
    assert shown.getvalue().count("alarm: D is right on nearly every patch") == 1
    assert "D is right on nearly every patch" in write_report(run).read_text("utf-8")


def test_strict_stops_at_the_first_alarm_with_a_code_of_its_own(black_and_white, tmp_path, tiny_config, capsys):
    (tmp_path / "settings.toml").write_text(tiny_config(**BLACK_AND_WHITE, checkpoint_every="1").to_toml())
    command = ["train", "--config", str(tmp_path / "settings.toml"), "--out", str(tmp_path / "run"), "--strict"]
    sets = ["--synthetic", str(black_and_white[0]), "--real", str(black_and_white[1])]
    assert main([*command, *sets]) == 3
    error = " ".join(capsys.readouterr().err.split())
    assert error.startswith("simgan: error: adversarial step ")
    assert "D is right on nearly every patch" in error
    assert f"simgan train --resume {tmp_path / 'run'} --no-strict" in error
    assert main(["train", "--resume", str(tmp_path / "run"), "--no-strict"]) == 0
    assert "going on after adversarial step" in capsys.readouterr().out


def test_a_spoilt_weight_is_never_kept_and_the_last_good_state_is(data, tmp_path, tiny_config, capsys):
    """R's learning rate is fatal: its first step spoils R, which the next step's loss shows."""
    config = tiny_config(
        refiner_optimiser={"name": "sgd", "learning_rate": 1e38},
        refiner_pretrain_steps=0,
        checkpoint_every="1",
        log_every=(1, 1, 1),
    )
    with pytest.raises(HealthError) as caught:
        simgan.train(config, *data, tmp_path / "run")
    assert re.search(r"adversarial step [12]: expected (a )?finite", str(caught.value))
    assert "another --out" in str(caught.value)
    (note,) = caught.value.__notes__
    assert f"simgan refine {tmp_path / 'run'} INPUT OUTPUT --checkpoint newest" in note
    kept = sorted(path.name for path in (tmp_path / "run/checkpoints").iterdir())
    assert kept[-1] == "2-discriminator_pretrain-0000002"
    assert "from before the adversarial phase: R was pre-trained only" in note
    refine = ["refine", tmp_path / "run", data[0], tmp_path / "refined.npy", "--checkpoint", "newest"]
    assert main([str(part) for part in refine]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "2-discriminator_pretrain-0000002 is from before the adversarial phase: R was pre-trained only" in shown


@pytest.mark.parametrize(
    ("network", "changes"),
    [
        ("refiner", {"refiner_pretrain_steps": 1, "discriminator_pretrain_steps": 0, "steps": 0}),
        ("discriminator", {"refiner_pretrain_steps": 0, "discriminator_pretrain_steps": 0, "steps": 1}),
    ],
)
def test_an_update_that_spoils_a_network_at_the_very_end_is_no_result(network, changes, data, tmp_path, tiny_config):
    """No later step shows it: the last update is all of the training."""
    config = tiny_config(**changes, **{f"{network}_optimiser": {"name": "sgd", "learning_rate": 1e38}})
    with pytest.raises(HealthError, match=r"adversarial step \d: expected finite numbers in "):
        simgan.train(config, *data, tmp_path / "run")
    assert not list((tmp_path / "run").glob("*_model.*"))
    assert not (tmp_path / "run/networks.safetensors").exists()
