from __future__ import annotations

import io
import json
import math
import os
import time
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from simgan.errors import HealthError
from simgan.runs.position import Position
from simgan.training.budget import Budget, FixedWeight
from simgan.training.history import HistoryBuffer
from simgan.training.label_keeper import LabelKeeper
from simgan.training.meters import Meters
from simgan.training.recorder import Recorder, Samples, WaitClock
from simgan.training.steps import DiscriminatorLosses, RefinerLosses

PICTURES = Samples(np.zeros((2, 8, 8, 1), np.float32), np.ones((2, 8, 8, 1), np.float32))


@pytest.fixture
def record(tmp_path, tiny_config):
    """Feeds steps to a recorder; gives the records and what was shown."""

    def run(
        fed,
        refine=lambda images: images,
        waiting=None,
        weight=None,
        begin=None,
        history=None,
        meters=None,
        **changes,
    ):
        shown = io.StringIO()
        if history is None:
            history = HistoryBuffer(4, (1, 1, 1))
            history.add(np.zeros((3, 1, 1, 1), np.float32))
        config = tiny_config(**changes)
        console = Console(file=shown, width=300)
        state = SimpleNamespace(
            history=history,
            weight=weight or FixedWeight(1.0),
            labels=LabelKeeper(),
            position=begin or Position(),
            meters=meters or Meters(),
        )
        with Recorder(tmp_path, config, state, waiting or WaitClock(), PICTURES, refine, console) as recorder:
            for phase, number, *losses in fed:
                state.position.phase, state.position.step = phase, number
                state.meters.add(*losses)
                recorder.step()
        lines = (tmp_path / "metrics.jsonl").read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines], shown.getvalue()

    return run


def refiner_losses(value: float) -> RefinerLosses:
    return RefinerLosses(value, 10 * value, 100 * value, 1000 * value, 0.0)


def test_record_is_the_mean_of_the_steps_since_the_last(record):
    steps = [("refiner_pretrain", number, refiner_losses(number)) for number in range(1, 6)]
    records, _ = record(steps, refiner_pretrain_steps=5, log_every=(2, 1, 1))
    assert [entry["step"] for entry in records] == [2, 4, 5]  # each second, and the last
    assert [entry["refiner_total"] for entry in records] == [1.5, 3.5, 5]
    assert [entry["refiner_adversarial"] for entry in records] == [15, 35, 50]
    assert [entry["refiner_self_regularisation"] for entry in records] == [150, 350, 500]
    assert [entry["refiner_change"] for entry in records] == [1500, 3500, 5000]
    assert all(entry["history_fill"] == 0.75 and entry["phase"] == "refiner_pretrain" for entry in records)
    assert all(entry["steps_per_second"] > 0 for entry in records)


def test_a_record_is_on_the_disk_before_the_checkpoint_that_comes_after_it(record, tmp_path, monkeypatch):
    synced = []
    own = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(os.fstat(file).st_ino), own(file)))
    record([("refiner_pretrain", 1, refiner_losses(1)), ("refiner_pretrain", 2, refiner_losses(1))])
    assert synced.count((tmp_path / "metrics.jsonl").stat().st_ino) == 1  # a record every second step


def test_adversarial_record_holds_both_networks(record):
    steps = [("adversarial", 1, refiner_losses(1), DiscriminatorLosses(0.5, 0.25, 0.75, 1.0, 0.0))]
    records, shown = record(steps, steps=1)
    assert records[0]["discriminator_total"] == 0.5
    assert records[0]["discriminator_real_accuracy"] == 0.25
    assert records[0]["discriminator_refined_accuracy"] == 0.75
    line = next(line for line in shown.splitlines() if line.startswith("adversarial 1/1: "))
    parts = ("R adversarial 10.0000", "regularisation 100.0000", "D loss 0.5000", "real 0.2500", "refined 0.7500")
    assert [part for part in parts if part not in line] == []


def test_a_steered_weight_and_the_drift_are_recorded_in_the_adversarial_phase(record):
    weight = Budget(budget=1.0, first=4.0, measure=lambda: 2.0)
    weight(10)
    steps = [
        ("refiner_pretrain", 1, refiner_losses(1)),
        ("adversarial", 1, refiner_losses(1), DiscriminatorLosses(0.5, 0.25, 0.75, 1.0, 0.0)),
    ]
    records, shown = record(steps, weight=weight, refiner_pretrain_steps=1, steps=1)
    assert "measured_drift" not in records[0]
    assert records[1]["measured_drift"] == 2.0
    assert records[1]["self_regularisation_weight"] == pytest.approx(4.0 * math.exp(0.2), abs=1e-6)
    assert "drift, px 2.00" in shown


def test_pictures_are_drawn_each_interval_and_at_the_end_of_the_adversarial_phase(record, tmp_path):
    steps = [
        ("discriminator_pretrain", 1, DiscriminatorLosses(0.0, 0.0, 0.0, 1.0, 0.0)),
        *(
            ("adversarial", number, refiner_losses(0), DiscriminatorLosses(0.0, 0.0, 0.0, 1.0, 0.0))
            for number in range(1, 6)
        ),
    ]
    seen = []

    def refine(images):
        seen.append(images)
        return images

    record(steps, refine, steps=5, sample_every=2, discriminator_pretrain_steps=1)
    names = sorted(path.name for path in (tmp_path / "samples").iterdir())
    assert names == ["step_000002.png", "step_000004.png", "step_000005.png"]
    assert len(seen) == 3
    assert all(images is PICTURES.synthetic for images in seen)
    with Image.open(tmp_path / "samples/step_000002.png") as picture:
        picture.verify()


def test_share_of_time_spent_waiting_is_recorded(record):
    waiting = WaitClock()

    def slow():
        while True:
            time.sleep(0.05)
            yield "image"

    def steps():
        items = waiting.watch(slow())
        for number in (1, 2):
            assert next(items) == "image"
            yield "refiner_pretrain", number, refiner_losses(0)

    records, _ = record(steps(), waiting=waiting, refiner_pretrain_steps=2, log_every=(1, 1, 1))
    assert waiting.seconds >= 0.1
    assert all(0.02 < entry["waiting_for_data"] <= 1 for entry in records)


def test_clock_leaves_the_time_of_the_consumer_out():
    waiting = WaitClock()
    items = waiting.watch(iter(range(3)))
    for _ in range(3):
        next(items)
        time.sleep(0.1)
    assert waiting.seconds < 0.15


def test_going_on_drops_the_records_of_steps_that_will_come_again(record, tmp_path):
    steps = [("refiner_pretrain", number, refiner_losses(number)) for number in range(1, 7)]
    record(steps, refiner_pretrain_steps=6, log_every=(2, 1, 1))
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"phase": "refiner_pr')  # torn
    records, _ = record(
        steps[4:], begin=Position("refiner_pretrain", 4), refiner_pretrain_steps=6, log_every=(2, 1, 1)
    )
    assert [(entry["step"], entry["refiner_total"]) for entry in records] == [(2, 1.5), (4, 3.5), (6, 5.5)]


def test_small_numbers_are_recorded_to_as_many_digits_as_large_ones(record):
    """A gradient of 1e-9 has vanished, one of 3e-7 has not: neither is 0."""
    fed = [
        ("refiner_pretrain", 1, refiner_losses(1)._replace(gradient=1.25e-9)),
        ("refiner_pretrain", 2, refiner_losses(1)._replace(gradient=3.0625e-7, total=123456.5)),
    ]
    records, _ = record(fed, log_every=(1, 1, 1))
    assert [entry["refiner_gradient"] for entry in records] == pytest.approx([1.25e-9, 3.0625e-7], rel=1e-6, abs=0)
    assert records[1]["refiner_total"] == 123456.5


def test_a_history_that_fills_by_one_in_a_million_is_recorded_as_fuller(record):
    small, large = HistoryBuffer(10**6, (1, 1, 1)), HistoryBuffer(10**6, (1, 1, 1))
    small.add(np.zeros((2, 1, 1, 1), np.float32))
    large.add(np.zeros((3, 1, 1, 1), np.float32))
    fills = [
        record([("refiner_pretrain", 2, refiner_losses(1))], history=history)[0][-1]["history_fill"]
        for history in (small, large)
    ]
    assert fills == [2e-6, 3e-6]


def test_the_deviation_of_logits_is_recorded_from_their_variance(record):
    """The mean over the steps is of the variance: deviations of 3 and 1 are one of the root of 5."""
    fed = [
        ("discriminator_pretrain", step, DiscriminatorLosses(0.5, 0.5, 0.5, variance, 0.0))
        for step, variance in ((1, 9.0), (2, 1.0))
    ]
    records, _ = record(fed, log_every=(1, 2, 1))
    assert records[0]["discriminator_logit_spread"] == pytest.approx(math.sqrt(5), rel=1e-6)
    assert "discriminator_logit_variance" not in records[0]


def test_a_record_at_the_end_that_is_not_due_goes_when_the_training_is_prolonged(record):
    """Then its losses count in the record that would have been, had it been so long from the start."""
    of_d = DiscriminatorLosses(0.5, 0.25, 0.75, 1.0, 0.0)
    steps = [("adversarial", number, refiner_losses(number), of_d) for number in range(1, 7)]
    meters = Meters()
    records, _ = record(steps[:3], steps=3, log_every=(1, 1, 2), meters=meters)
    assert [(entry["step"], entry["refiner_total"]) for entry in records] == [(2, 1.5), (3, 3.0)]
    assert meters.last["refiner_total"] == 1.5  # the interval is still open
    records, _ = record(steps[3:], begin=Position("adversarial", 3), steps=6, log_every=(1, 1, 2), meters=meters)
    assert [(entry["step"], entry["refiner_total"]) for entry in records] == [(2, 1.5), (4, 3.5), (6, 5.5)]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_loss_that_is_not_finite_stops_the_training(value, record, tmp_path, only_line):
    fed = [("refiner_pretrain", 1, refiner_losses(1)), ("refiner_pretrain", 2, refiner_losses(value))]
    with pytest.raises(HealthError) as caught:
        record(fed, log_every=(1, 1, 1))
    message = only_line(str(caught.value))
    assert "step 2" in message
    assert "learning rate" in message
    assert len((tmp_path / "metrics.jsonl").read_text("utf-8").splitlines()) == 1


def test_records_so_far_survive_an_error(record, tmp_path):
    def steps():
        yield "refiner_pretrain", 1, refiner_losses(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record(steps(), log_every=(1, 1, 1))
    assert json.loads((tmp_path / "metrics.jsonl").read_text("utf-8"))["step"] == 1
