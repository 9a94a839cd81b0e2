"""What is written is what is read; what is not ours is refused. That trainings go on bit for bit: test_training.py."""

from __future__ import annotations

import json
import shutil
import signal
from dataclasses import dataclass

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from simgan.engines.automatic import open_engine
from simgan.errors import ConfigError, HealthError, RunError
from simgan.files.numbers import flatten, unflatten
from simgan.runs.checkpoints import best_checkpoint, is_pretrained_only
from simgan.training.checkpoint import Checkpoints, read_checkpoint, state_dict, write_checkpoint
from simgan.training.loop import Training
from simgan.training.state import TrainState, new_state
from simgan.training.steps import Steps
from simgan.training.stopping import StopRequest

CHANGES = {"drift_budget": 0.05, "self_regularisation": 0.5, "jitter": 1, "refiner_optimiser": {"name": "adam"}}


@pytest.fixture
def make(tiny_config):
    """A state, and its settings."""

    def new(**changes):
        config = tiny_config(**{**CHANGES, **changes})
        return new_state(open_engine(micro_batch=4, compiled=False), config, (10, 9), 1, lambda refiner: 0.3), config

    return new


def batches(seed):
    import torch

    random = np.random.default_rng(seed)
    while True:
        yield torch.from_numpy(random.uniform(-1, 1, (4, 10, 9, 1)).astype(np.float32))


@dataclass
class Closing:
    """Closes the meters at the end of the pre-trainings, as the recorder does."""

    state: TrainState

    def step(self):
        if (self.state.position.phase, self.state.position.step) in (
            ("refiner_pretrain", 3),
            ("discriminator_pretrain", 2),
        ):
            self.state.meters.close()


@pytest.fixture
def trained(make):
    """A state after some steps, and its settings."""

    def train(**changes):
        state, config = make(**changes)
        steps = Steps(open_engine(micro_batch=4, compiled=False), state, config)
        Training(steps, state, config, batches(1), batches(2), [Closing(state)]).run()
        return state, config

    return train


def assert_same_state(one, other):
    first, second = flatten(state_dict(one)), flatten(state_dict(other))
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)


def test_a_state_read_back_is_the_state_written(trained, make, tmp_path):
    state, config = trained()
    path = write_checkpoint(tmp_path, state, config)
    assert path.name == "3-adversarial-0000003"
    other, _ = make()
    read_checkpoint(path, other, config)
    assert_same_state(state, other)
    assert len(other.history) == 6
    for part in (state, other):
        part.draws = part.random.random(3).tolist() + part.history.sample(3).sum(axis=(1, 2, 3)).tolist()
    assert state.draws == other.draws


def test_a_checkpoint_is_numbers_and_says_what_made_it(trained, tmp_path):
    state, config = trained()
    path = write_checkpoint(tmp_path, state, config)
    assert sorted(file.name for file in path.iterdir()) == ["arrays.safetensors", "state.json"]
    about = json.loads((path / "state.json").read_text())
    assert set(about["versions"]) == {"simgan", "keras", "torch", "numpy"}
    assert about["config"] == config.model_dump(mode="json")
    assert about["state"]["position/step"] == 3
    kernels = load_file(path / "arrays.safetensors")
    np.testing.assert_array_equal(kernels["refiner/000"], state.refiner.get_weights()[0])


def test_nested_names_are_joined_and_parted():
    nested = {"a": {"b": {"c": 1}, "d": 2}, "e": 3}
    assert flatten(nested) == {"a/b/c": 1, "a/d": 2, "e": 3}
    assert unflatten(flatten(nested)) == nested


RECORDED = ("discriminator_real_accuracy", "discriminator_refined_accuracy", "refiner_adversarial")


def test_before_its_first_record_the_adversarial_phase_has_no_best(trained, tmp_path):
    """Its first steps lie between D's pre-training, whose record tells how right D was, and a record of their own."""
    state, config = trained()
    assert state.position.phase == "adversarial"
    assert "discriminator_real_accuracy" in state.meters.last
    write_checkpoint(tmp_path, state, config)
    assert best_checkpoint(tmp_path) is None


def test_newest_and_best_are_kept(make, tmp_path, tiny_config):
    state, config = make(checkpoint_every="1", keep=2)
    checkpoints = Checkpoints(tmp_path, config, state, StopRequest())
    state.position.enter("adversarial")
    for step, accuracy in enumerate((0.9, 0.52, 0.8, 0.7, 0.6), start=1):
        state.position.step = step
        state.meters.last = dict.fromkeys(RECORDED, accuracy)
        checkpoints.step()
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == [f"3-adversarial-000000{step}" for step in (2, 4, 5)]
    assert best_checkpoint(tmp_path).name == "3-adversarial-0000002"


@pytest.mark.parametrize(
    ("real", "refined", "drift", "score"),
    [
        (0.5, 0.5, 0.05, 0.0),
        (0.55, 0.55, 0.05, 0.05),
        (1.0, 0.0, 0.05, 0.5),  # D calls every patch real: as far from chance as a D that is always right
        (0.0, 1.0, 0.05, 0.5),
        (1.0, 1.0, 0.05, 0.5),
        (0.7, 0.4, 0.05, 0.15),
        (0.5, 0.5, 0.055, 0.0),  # a tenth more than the budget of 0.05 is noise
        (0.5, 0.5, 0.1, 0.9),  # 2 - 1.1
        (0.6, 0.6, 0.0, 0.1),  # less drift than allowed is no merit
    ],
)
def test_the_score_is_the_distance_of_both_classes_from_chance_and_what_the_budget_is_overdrawn(
    real, refined, drift, score, make, tmp_path
):
    state, config = make()
    state.position.enter("adversarial")
    state.meters.last = dict(zip(RECORDED, (real, refined, 1.0), strict=True))
    state.weight.load_state_dict({"weight": 1.0, "drift": drift})
    path = write_checkpoint(tmp_path, state, config)
    assert json.loads((path / "state.json").read_text())["score"] == pytest.approx(score)


def test_a_collapsed_d_is_not_the_best(make, tmp_path):
    state, config = make()
    state.position.enter("adversarial")
    for step, accuracies in enumerate([(1.0, 0.0), (0.55, 0.55), (0.9, 0.8)], start=1):
        state.position.step = step
        state.meters.last = dict(zip(RECORDED, (*accuracies, 1.0), strict=True))
        write_checkpoint(tmp_path, state, config)
    assert best_checkpoint(tmp_path).name == "3-adversarial-0000002"


@pytest.mark.parametrize(
    ("phase", "step", "only"),
    [
        ("refiner_pretrain", 3, True),
        ("discriminator_pretrain", 2, True),
        ("adversarial", 0, True),
        ("adversarial", 1, False),
        ("adversarial", 12345678, False),
    ],
)
def test_a_checkpoint_from_before_the_first_adversarial_step_is_pretrained_only(phase, step, only, make, tmp_path):
    state, config = make()
    state.position.phase, state.position.step = phase, step
    assert is_pretrained_only(write_checkpoint(tmp_path, state, config)) == only


def test_one_of_fewer_steps_is_gone_on_with_and_one_of_more_is_not(make, tmp_path):
    state, config = make(steps=5)
    write_checkpoint(tmp_path, state, config)
    state.position.step = 9
    assert Checkpoints(tmp_path, make(steps=6)[1], state, StopRequest()).restore().step == 0
    with pytest.raises(ConfigError, match="steps: 5, now 4"):
        Checkpoints(tmp_path, make(steps=4)[1], state, StopRequest()).restore()
    with pytest.raises(ConfigError, match="steps: 5, now 6; flip"):
        Checkpoints(tmp_path, make(steps=6, flip=True)[1], state, StopRequest()).restore()


def test_one_beyond_the_drift_budget_is_not_the_best(make, tmp_path):
    state, config = make()
    state.position.enter("adversarial")
    for step, (accuracy, drift) in enumerate([(0.5, 0.5), (0.7, 0.05)], start=1):
        state.position.step = step
        state.meters.last = dict.fromkeys(RECORDED, accuracy)
        state.weight.load_state_dict({"weight": 1.0, "drift": drift})
        write_checkpoint(tmp_path, state, config)
    assert best_checkpoint(tmp_path).name == "3-adversarial-0000002"


@pytest.mark.parametrize(("every", "due"), [("2", [2, 4]), ("10s", [4]), ("1min", [])])
def test_it_is_due_by_steps_or_by_time(every, due, make, tmp_path, monkeypatch):
    """Steps take 3 seconds here."""
    state, config = make(checkpoint_every=every)
    now = [0.0]
    monkeypatch.setattr("simgan.training.checkpoint.time.monotonic", lambda: now[0])
    checkpoints, written = Checkpoints(tmp_path, config, state, StopRequest()), []
    for step in range(1, 6):
        now[0] += 3
        state.position.step = step
        checkpoints.step()
        if any(path.name.endswith(str(step)) for path in tmp_path.iterdir()):
            written.append(step)
    assert written == due


def test_a_stop_that_was_asked_for_is_obeyed_after_a_checkpoint_that_was_not_due(make, tmp_path):
    state, config = make(checkpoint_every="1000")
    with StopRequest() as stop:
        checkpoints = Checkpoints(tmp_path, config, state, stop)
        state.position.step = 1
        checkpoints.step()
        assert list(tmp_path.iterdir()) == []
        signal.raise_signal(signal.SIGINT)
        state.position.step = 2
        with pytest.raises(KeyboardInterrupt):
            checkpoints.step()
    assert [path.name for path in tmp_path.iterdir()] == ["1-refiner_pretrain-0000002"]


def test_slow_writing_makes_them_rarer(make, tmp_path, monkeypatch):
    """By time they take a fiftieth of it at most: after one of 4 seconds the next is due 200 seconds later."""
    state, config = make(checkpoint_every="10s")
    now, written = [0.0], []
    monkeypatch.setattr("simgan.training.checkpoint.time.monotonic", lambda: now[0])

    def write(*_):
        written.append(now[0])
        now[0] += 4

    monkeypatch.setattr("simgan.training.checkpoint.write_checkpoint", write)
    checkpoints = Checkpoints(tmp_path, config, state, StopRequest())
    while now[0] < 450:
        now[0] += 1
        checkpoints.step()
    assert written == [10, 214, 418]


def test_what_is_not_finite_is_never_written(make, tmp_path):
    state, config = make()
    state.refiner.trainable_variables[2].assign(np.full(state.refiner.trainable_variables[2].shape, np.nan))
    with pytest.raises(HealthError, match="refiner block1_conv1/kernel"):
        write_checkpoint(tmp_path, state, config)
    assert not list(tmp_path.iterdir())


def test_a_loss_that_is_not_finite_is_never_written(make, tmp_path):
    state, config = make()
    state.meters.load_state_dict({"since": {"refiner_total": [1.0, float("nan")]}})
    state.position.step = 2
    with pytest.raises(HealthError, match=r"refiner pretrain step 2: .*refiner_total"):
        write_checkpoint(tmp_path, state, config)
    assert not list(tmp_path.iterdir())


def test_one_that_is_there_is_not_written_again(make, tmp_path):
    state, config = make()
    path = write_checkpoint(tmp_path, state, config)
    before = (path / "state.json").stat().st_mtime_ns
    assert write_checkpoint(tmp_path, state, config) == path
    assert (path / "state.json").stat().st_mtime_ns == before


def test_full_disk_leaves_the_old_ones_and_nothing_else(make, tmp_path, monkeypatch):
    state, config = make()
    old = write_checkpoint(tmp_path, state, config)

    def full(arrays, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("simgan.files.numbers.save_file", full)
    state.position.step = 1
    with pytest.raises(OSError, match="No space"):
        write_checkpoint(tmp_path, state, config)
    assert list(tmp_path.iterdir()) == [old]


def test_an_unreadable_one_is_passed_over_for_the_one_before(make, tmp_path, caplog):
    state, config = make()
    state.position.step = 1
    write_checkpoint(tmp_path, state, config)
    state.position.step = 2
    newest = write_checkpoint(tmp_path, state, config)
    (newest / "arrays.safetensors").write_bytes(b"")
    other, _ = make()
    assert Checkpoints(tmp_path, config, other, StopRequest()).restore().step == 1
    assert newest.name in caplog.text
    other.position.step = 2
    assert write_checkpoint(tmp_path, other, config) == newest  # anew
    read_checkpoint(newest, state, config)
    assert Checkpoints(tmp_path / "none", config, other, StopRequest()).restore() is None


def test_if_none_can_be_read_it_says_so(make, tmp_path, only_line):
    state, config = make()
    (write_checkpoint(tmp_path, state, config) / "state.json").unlink()
    with pytest.raises(RunError) as caught:
        Checkpoints(tmp_path, config, state, StopRequest()).restore()
    assert "can be read" in only_line(str(caught.value))


def edit_state(change):
    def edit(path):
        about = json.loads((path / "state.json").read_text())
        change(about)
        (path / "state.json").write_text(json.dumps(about))

    return edit


def edit_arrays(change):
    def edit(path):
        arrays = load_file(path / "arrays.safetensors")
        change(arrays)
        save_file(arrays, path / "arrays.safetensors")

    return edit


def truncate(path):
    content = (path / "arrays.safetensors").read_bytes()
    (path / "arrays.safetensors").write_bytes(content[:-7])


def huge(path):
    """A header of 4 TB in a file of a few bytes."""
    header = json.dumps(
        {"refiner/000": {"dtype": "F32", "shape": [2**20, 2**20], "data_offsets": [0, 2**42]}}
    ).encode()
    (path / "arrays.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"data")


HOSTILE = {
    "of another version": edit_state(lambda about: about.update(version=99)),
    "no object": lambda path: (path / "state.json").write_text("[]"),
    "no JSON": lambda path: (path / "state.json").write_text("{" * 10_000),
    "no position": edit_state(lambda about: about["state"].pop("position/phase")),
    "a phase that there is not": edit_state(lambda about: about["state"].update({"position/phase": "../.."})),
    "a weight of nan": edit_state(lambda about: about["state"].update({"weight/weight": "nan"})),
    "a generator that there is not": edit_state(lambda about: about["state"].update({"random/bit_generator": "os"})),
    "a generator's state of words": edit_state(lambda about: about["state"].update({"random/state/state": "x"})),
    "settings of words": edit_state(lambda about: about.update(config={"steps": "x"})),
    "no settings": edit_state(lambda about: about.pop("config")),
    "losses of words": edit_state(lambda about: about["state"].update({"meters/since/refiner_total": ["x"]})),
    "a name in the way": edit_state(lambda about: about["state"].update({"position/step/deeper": 1})),
    "an array less": edit_arrays(lambda arrays: arrays.pop("refiner/000")),
    "an array more": edit_arrays(lambda arrays: arrays.update(extra=np.zeros(1))),
    "another shape": edit_arrays(lambda arrays: arrays.update({"refiner/000": np.zeros((9, 9), np.float32)})),
    "another type": edit_arrays(lambda arrays: arrays.update({"refiner/001": arrays["refiner/001"].astype("f8")})),
    "too much history": edit_arrays(lambda arrays: arrays.update({"history/images": np.zeros((7, 10, 9, 1), "f4")})),
    "truncated": truncate,
    "huge": huge,
    "gone": lambda path: (path / "arrays.safetensors").unlink(),
    "a folder": lambda path: ((path / "state.json").unlink(), (path / "state.json").mkdir()),
}


@pytest.mark.parametrize("spoil", HOSTILE.values(), ids=HOSTILE)
def test_what_is_not_of_this_training_is_refused_in_one_line(spoil, trained, make, tmp_path, only_line):
    state, config = trained()
    path = write_checkpoint(tmp_path, state, config)
    spoil(path)
    other, _ = make()
    with pytest.raises(RunError) as caught:
        read_checkpoint(path, other, config)
    assert path.name in only_line(str(caught.value))
    assert best_checkpoint(tmp_path) in (path, None)


def test_one_of_other_networks_is_refused(trained, make, tmp_path):
    state, config = trained(refiner={"filters": 5, "blocks": 1})
    path = write_checkpoint(tmp_path, state, config)
    other, _ = make()
    with pytest.raises(RunError, match="refiner/000"):
        read_checkpoint(path, other, config)


def test_one_of_other_settings_is_refused_with_the_difference_and_stays(trained, make, tmp_path, only_line):
    state, config = trained()
    path = write_checkpoint(tmp_path, state, config)
    other, changed = make(seed=9)
    with pytest.raises(ConfigError) as caught:
        Checkpoints(tmp_path, changed, other, StopRequest()).restore()
    assert "seed: 0, now 9" in only_line(str(caught.value))
    assert list(tmp_path.iterdir()) == [path]
    _, changed = make(keep=9)
    assert Checkpoints(tmp_path, changed, other, StopRequest()).restore().step == 3


def test_one_of_other_versions_goes_on_with_a_warning(make, tmp_path, caplog):
    state, config = make()
    path = write_checkpoint(tmp_path, state, config)
    assert Checkpoints(tmp_path, config, state, StopRequest()).restore() is not None
    assert caplog.text == ""
    edit_state(lambda about: about["versions"].update(torch="1.0"))(path)
    assert Checkpoints(tmp_path, config, state, StopRequest()).restore() is not None
    assert "torch 1.0 (now " in caplog.text


@pytest.mark.parametrize("versions", [["1.0"], "1.0", None, {}])
def test_one_that_does_not_say_its_versions_goes_on_with_a_warning(versions, make, tmp_path, caplog):
    state, config = make()
    path = write_checkpoint(tmp_path, state, config)
    edit_state(lambda about: about.update(versions=versions))(path)
    assert Checkpoints(tmp_path, config, state, StopRequest()).restore() is not None
    assert f"{path} was written by simgan ? (now " in caplog.text
    assert "), numpy ? (now " in caplog.text


def test_a_run_has_a_checkpoint_once_one_is_written(make, tmp_path):
    state, config = make()
    checkpoints = Checkpoints(tmp_path, config, state, StopRequest())
    assert not checkpoints.any()
    checkpoints.write()
    assert checkpoints.any()


def test_one_that_cannot_be_removed_stops_no_training(make, tmp_path):
    """A link, say to another disk, is no folder that can be removed."""
    state, config = make(keep=1)
    elsewhere = write_checkpoint(tmp_path / "elsewhere", state, config)
    run = tmp_path / "run"
    run.mkdir()
    (run / elsewhere.name).symlink_to(elsewhere)
    state.position.step = 2
    Checkpoints(run, config, state, StopRequest()).write()
    assert [path.name for path in run.glob("[!.]*")] == ["1-refiner_pretrain-0000002"]


def test_half_removed_ones_are_not_seen(make, tmp_path):
    state, config = make()
    path = write_checkpoint(tmp_path, state, config)
    path.rename(tmp_path / f".{path.name}.removed")
    assert Checkpoints(tmp_path, config, state, StopRequest()).restore() is None
    shutil.rmtree(tmp_path)
    assert best_checkpoint(tmp_path) is None


def test_a_file_too_large_for_the_disk_is_an_os_error(tmp_path, fork):
    """A limit on the size of files, in a process of its own: the writer of safetensors has an error of its own."""
    code = (
        "import resource, sys, numpy as np; from pathlib import Path; from simgan.files.numbers import save_numbers\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n    save_numbers(Path(sys.argv[1]), {'a': np.zeros(1000)})\n"
        "except OSError as error:\n    print(error)"
    )
    done = fork(code, tmp_path / "a.safetensors")
    assert done.wait() == 0, done.stderr
    assert "a.safetensors" in done.stdout, done.stderr
    assert "too large" in done.stdout
