from __future__ import annotations

import io
import json
import shutil
import struct
import time

import keras
import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from safetensors.numpy import load_file
from tensorboardX.proto.event_pb2 import Event

import simgan
import simgan.training.checkpoint
from simgan.engines.automatic import open_engine, resolve
from simgan.errors import ConfigError, DataError, HealthError, RunError
from simgan.files.folders import locked
from simgan.framing.displacement import displacement
from simgan.images import PixelRange, open_images
from simgan.matching import matched
from simgan.settings.config import make_config
from simgan.settings.records import read_settings
from simgan.training.state import new_state

MODEL_FILES = [f"{name}_model.{suffix}" for name in ("disc", "refiner", "simgan") for suffix in ("h5", "keras")]


def names_in(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def events_in(folder) -> list[Event]:
    """TFRecord: length, its checksum, the event, its checksum."""
    (path,) = folder.glob("events.out.tfevents*")
    content, events, place = path.read_bytes(), [], 0
    while place < len(content):
        (length,) = struct.unpack_from("<Q", content, place)
        events.append(Event.FromString(content[place + 12 : place + 12 + length]))
        place += length + 16
    return events


def test_run_folder_holds_what_is_promised(finished_run):
    names = names_in(finished_run.path)
    events = [name for name in names if name.startswith("events.out.tfevents")]
    assert len(events) == 1
    assert names == sorted(
        [
            *MODEL_FILES,
            ".lock",
            "checkpoints",
            "config.toml",
            "framing.json",
            "framing.png",
            "metrics.jsonl",
            "networks.safetensors",
            "samples",
            *events,
        ]
    )


def test_settings_read_back_are_the_settings_given(finished_run, tiny_config):
    settings, data = read_settings(finished_run.path / "config.toml")
    assert make_config(settings) == tiny_config()
    assert data is not None
    digests = [record.digest for record in (data.synthetic, data.real)]
    assert len(set(digests)) == 2
    read = {"key": None, "layout": None, "range": (0, 255), "dtype": "uint8", "on_bad_image": "stop"}
    read |= {"images": None, "channels": None, "follow_links": True}
    assert data.model_dump() == {
        "synthetic": {"path": str(finished_run.path.parent / "synthetic.npy"), "digest": digests[0], **read},
        "real": {"path": str(finished_run.path.parent / "real.npy"), "digest": digests[1], **read},
        "height": 8,
        "width": 8,
        "channels": 1,
    }


def test_settings_left_to_the_machine_are_written_as_made_out(data, tmp_path, tiny_config):
    config = tiny_config(
        precision="auto", micro_batch="auto", compile="auto", refiner_pretrain_steps=1, discriminator_pretrain_steps=0
    )
    run = simgan.train(config, *data, tmp_path / "run")
    assert run.config == resolve(config, (8, 8), 1) != config
    assert "auto" not in (run.config.precision, run.config.micro_batch, run.config.compile)


def test_metrics_have_a_record_for_each_interval_and_for_the_end_of_each_phase(finished_run):
    records = finished_run.metrics()
    assert [(record["phase"], record["step"]) for record in records] == [
        ("refiner_pretrain", 2),
        ("refiner_pretrain", 3),
        ("discriminator_pretrain", 1),
        ("discriminator_pretrain", 2),
        ("adversarial", 2),
        ("adversarial", 3),
    ]
    # Half a batch of 4 a step of D, in a history of 6.
    assert [record["history_fill"] for record in records] == pytest.approx([0, 0, 1 / 3, 2 / 3, 1, 1], abs=1e-4)
    for record in records:
        assert all(np.isfinite(value) for value in record.values() if not isinstance(value, str))
        assert 0 <= record["waiting_for_data"] <= 1
        assert ("refiner_change" in record) == (record["phase"] != "discriminator_pretrain")
        assert ("discriminator_total" in record) == (record["phase"] != "refiner_pretrain")


def test_tensorboard_shows_the_same_numbers_on_one_axis_of_steps(finished_run):
    shown = {
        (value.tag, event.step): value.simple_value
        for event in events_in(finished_run.path)
        for value in event.summary.value
    }
    before = {"refiner_pretrain": 0, "discriminator_pretrain": 3, "adversarial": 5}
    for record in finished_run.metrics():
        step = before[record["phase"]] + record["step"]
        for name in set(record) - {"phase", "step"}:
            assert shown.pop((f"{record['phase']}/{name}", step)) == pytest.approx(record[name], abs=1e-6, rel=1e-5)
    assert shown == {}


def test_sample_pictures_are_drawn_at_each_interval_and_at_the_end(finished_run):
    samples = finished_run.path / "samples"
    assert names_in(samples) == ["step_000002.png", "step_000003.png"]
    with Image.open(samples / "step_000003.png") as picture:
        assert picture.mode == "RGB"


def test_all_six_model_files_load_and_agree(finished_run):
    x = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 1)).astype(np.float32)
    refined = finished_run.refiner.predict_on_batch(x)
    for suffix in ("h5", "keras"):
        refiner, disc, joint = (
            keras.models.load_model(finished_run.path / f"{name}_model.{suffix}")
            for name in ("refiner", "disc", "simgan")
        )
        np.testing.assert_allclose(refiner.predict_on_batch(x), refined, atol=1e-5)
        both = joint.predict_on_batch(x)
        np.testing.assert_allclose(both[0], refined, atol=1e-5)
        np.testing.assert_allclose(both[1], disc.predict_on_batch(refined), atol=1e-5)


def test_same_seed_gives_the_same_weights_and_another_does_not(finished_run, data, tmp_path, tiny_config):
    again = simgan.train(tiny_config(), *data, tmp_path / "again")
    other = simgan.train(tiny_config(seed=1), *data, tmp_path / "other")
    for name in ("refiner", "disc"):
        first, same, different = (
            keras.models.load_model(run.path / f"{name}_model.keras").get_weights()
            for run in (finished_run, again, other)
        )
        for a, b in zip(first, same, strict=True):
            np.testing.assert_array_equal(a, b)
        assert np.abs(first[0] - different[0]).max() > 0.01


class BegunError(Exception):
    """The training would begin now."""


@pytest.fixture
def asked(monkeypatch):
    """What trainings ask of `image_batches` from now on: (source, order, options) of each set. None begins."""
    calls = []

    def begin(folder):
        raise BegunError

    monkeypatch.setattr(
        "simgan.training.session.image_batches", lambda source, order, *_, **rest: calls.append((source, order, rest))
    )
    monkeypatch.setattr("simgan.training.train.whole_folder", begin)
    return calls


def test_both_sets_have_an_order_of_their_own_that_follows_from_the_seed(tmp_path, pixels, tiny_config, asked):
    np.save(tmp_path / "images.npy", pixels(40, 1))
    for seed in (3, 3, 8):
        with pytest.raises(BegunError):
            simgan.train(tiny_config(seed=seed), *2 * [tmp_path / "images.npy"], tmp_path / "run")
    orders = [tuple(index for number in range(10) for index in order.draw(number).indices) for _, order, _ in asked]
    assert orders[:2] == orders[2:4]
    assert len(set(orders)) == 4
    assert all(sorted(order) == list(range(40)) for order in orders)


def test_history_window_and_both_orders_draw_from_streams_of_their_own_that_follow_from_the_seed(
    tmp_path, tiny_config, asked, pixels
):
    """Each stream is recognised by the first permutation of 40 numbers that it gives."""

    def permutation(state: dict) -> tuple[int, ...]:
        generator = np.random.default_rng()
        generator.bit_generator.state = state
        return tuple(generator.permutation(40).tolist())

    def streams(seed: int) -> list[tuple[int, ...]]:
        config = tiny_config(seed=seed)
        state = new_state(open_engine(micro_batch=4, compiled=False), config, (8, 8), 1)
        with pytest.raises(BegunError):
            simgan.train(config, *2 * [tmp_path / "images.npy"], tmp_path / "run")
        orders = [order for _, order, _ in asked[-2:]]
        return [
            permutation(state.history.state_dict()["random"]),
            permutation(state.random.bit_generator.state),
            *(
                tuple(index for number in range(10) for index in order.draw(number).indices.tolist())
                for order in orders
            ),
        ]

    np.save(tmp_path / "images.npy", pixels(40, 1))
    by_seed = [streams(seed) for seed in range(3)]
    assert len({stream for one_seed in by_seed for stream in one_seed}) == 12
    assert streams(2) == by_seed[2]


# 12 synthetic and 10 real images of 64 pixels; batches of 4. The tiny training draws 44 and 20.
@pytest.mark.parametrize(
    ("changes", "memory", "kept"),
    [
        ({}, 8 * 12 * 64, [True, True]),
        ({}, 8 * 12 * 64 - 1, [False, True]),  # an eighth of the memory for a set
        ({}, 8 * 10 * 64 - 1, [False, False]),
        ({"size": "8x8"}, 4 * 8 * 12 * 64 - 1, [False, True]),  # float32, where images may be resized
        ({"discriminator_pretrain_steps": 0, "steps": 0}, 1e9, [True, False]),  # 12 and none drawn
        ({"discriminator_pretrain_steps": 0, "steps": 0, "refiner_pretrain_steps": 2}, 1e9, [False, False]),  # 8
        ({"discriminator_pretrain_steps": 3, "steps": 0, "refiner_pretrain_steps": 0}, 1e9, [True, True]),  # 12, 12
        ({"discriminator_pretrain_steps": 0, "steps": 1, "discriminator_updates": 2}, 1e9, [True, False]),  # 24, 8
    ],
)
def test_set_is_kept_if_all_of_it_is_drawn_and_it_fits(
    changes, memory, kept, data, tmp_path, tiny_config, asked, monkeypatch
):
    monkeypatch.setattr("simgan.training.session.device_memory", lambda: memory)
    with pytest.raises(BegunError):
        simgan.train(tiny_config(**changes), *data, tmp_path / "run")
    assert [source.path.name for source, _, _ in asked] == ["synthetic.npy", "real.npy"]
    assert [options["keep"] for *_, options in asked] == kept


def test_kept_and_read_ahead_train_the_same_weights(finished_run, data, tmp_path, tiny_config, monkeypatch):
    monkeypatch.setattr("simgan.training.session.device_memory", lambda: 0)
    ahead = simgan.train(tiny_config(), *data, tmp_path / "run")
    for a, b in zip(finished_run.refiner.get_weights(), ahead.refiner.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_time_spent_waiting_for_data_is_in_the_metrics(data, tmp_path, tiny_config, monkeypatch):
    own = simgan.training.session.image_batches

    def slow(*args, **options):
        for batch in own(*args, **options):
            time.sleep(0.03)
            yield batch

    monkeypatch.setattr("simgan.training.session.image_batches", slow)
    run = simgan.train(tiny_config(), *data, tmp_path / "run")
    drawn = {"refiner_pretrain": 1, "discriminator_pretrain": 2, "adversarial": 3}  # batches a step
    for record in run.metrics():
        waited = record["waiting_for_data"] / record["steps_per_second"]
        assert waited > 0.029 * drawn[record["phase"]]


def test_images_of_two_sizes_and_three_channels_train_at_a_chosen_size(tmp_path, pixels, tiny_config, write_pngs):
    synthetic = write_pngs(tmp_path / "synthetic", [*pixels(3, 1, (9, 12, 3)), *pixels(3, 2, (20, 11, 3))])
    np.save(tmp_path / "real.npy", pixels(5, 3, (16, 8, 3)))
    with open_images(tmp_path / "real.npy") as real:
        run = simgan.train(
            tiny_config(size="8x6", jitter=1, flip=True, psi="structure"), str(synthetic), real, str(tmp_path / "run")
        )
        assert real[0].shape == (16, 8, 3)  # the caller's source is left open
    assert (run.data.height, run.data.width, run.data.channels) == (8, 6, 3)
    joint = keras.models.load_model(run.path / "simgan_model.h5")  # takes whole images, whatever window D saw
    refined, logits = joint.predict_on_batch(np.zeros((1, 8, 6, 3), np.float32))
    assert refined.shape == (1, 8, 6, 3)
    assert logits.shape == (1, 4, 2)


def test_no_steps_at_all_still_give_a_run(data, tmp_path, tiny_config):
    config = tiny_config(refiner_pretrain_steps=0, discriminator_pretrain_steps=0, steps=0)
    run = simgan.train(config, *data, tmp_path / "run")
    assert run.metrics() == []
    assert set(MODEL_FILES) < set(names_in(run.path))


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_existing_out_is_refused_and_untouched(kind, data, tmp_path, tiny_config, only_line):
    out = tmp_path / "run"
    if kind == "folder":
        out.mkdir()
        (out / "mine.txt").write_text("keep")
    else:
        out.write_text("keep")
    with pytest.raises(RunError) as caught:
        simgan.train(tiny_config(), *data, out)
    assert str(out) in only_line(str(caught.value))
    assert (out / "mine.txt" if kind == "folder" else out).read_text() == "keep"
    assert names_in(tmp_path) == ["real.npy", "run", "synthetic.npy"]


def test_out_that_cannot_be_made_is_one_line(data, tmp_path, tiny_config, only_line):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError) as caught:
        simgan.train(tiny_config(), *data, tmp_path / "file" / "run")
    assert "file/run" in only_line(str(caught.value))
    assert names_in(tmp_path) == ["file", "real.npy", "synthetic.npy"]


@pytest.mark.parametrize("kept", [True, False])
def test_image_that_goes_bad_leaves_what_can_go_on(kept, data, tmp_path, tiny_config, monkeypatch):
    """A set that is kept is read before the run begins: then there is nothing to leave."""
    monkeypatch.setattr("simgan.framing.samples._SAMPLE", 4)  # so that the look at the framing misses it
    if not kept:
        monkeypatch.setattr("simgan.training.session.device_memory", lambda: 0)
    path = tmp_path / "float.npy"
    np.save(path, np.random.default_rng(0).random((64, 8, 8), np.float32))
    with open_images(path) as source:
        np.load(path, mmap_mode="r+")[10, 1, 1] = np.nan
        with pytest.raises(DataError, match=r"image '10'.*NaN") as caught:
            simgan.train(tiny_config(steps=20), source, data[1], tmp_path / "run")
    assert (tmp_path / "run").exists() != kept
    assert not list(tmp_path.glob("*/*_model.*"))
    if not kept:
        assert any("--resume" in note for note in caught.value.__notes__)


def test_training_that_diverges_is_one_line_with_a_way_out(data, tmp_path, tiny_config, only_line):
    config = tiny_config(refiner_optimiser={"name": "sgd", "learning_rate": 1e38}, refiner_pretrain_steps=8)
    with pytest.raises(HealthError) as caught:
        simgan.train(config, *data, tmp_path / "run")
    message = only_line(str(caught.value))
    assert "lower learning rates" in message
    assert not getattr(caught.value, "__notes__", [])  # no checkpoint was written yet
    assert "refiner pretrain step 2: " in message  # the first update spoils it, the next step shows it
    assert not list((tmp_path / "run").glob("*_model.*"))


class Failing(io.StringIO):
    """A terminal whose first progress line brings `error`."""

    def __init__(self, error: BaseException):
        super().__init__()
        self._errors = [error]

    def write(self, text: str) -> int:
        if "refiner pretrain" in text and self._errors:
            raise self._errors.pop()
        return super().write(text)


def test_full_disk_is_a_run_error_and_says_how_to_go_on(data, tmp_path, tiny_config, only_line):
    console = Console(file=Failing(OSError(28, "No space left on device")))
    with pytest.raises(RunError) as caught:
        simgan.train(tiny_config(), *data, tmp_path / "run", console=console)
    message = only_line(str(caught.value))
    assert "No space left on device" in message
    assert f"simgan train --resume {tmp_path / 'run'}" in message
    simgan.resume(tmp_path / "run")


def test_training_that_stopped_at_once_goes_on_from_the_beginning(finished_run, data, tmp_path, tiny_config):
    with pytest.raises(KeyboardInterrupt) as caught:
        simgan.train(tiny_config(), *data, tmp_path / "run", console=Console(file=Failing(KeyboardInterrupt())))
    assert any("--resume" in note for note in caught.value.__notes__)
    with pytest.raises(RunError, match="--resume"):
        simgan.Run.open(tmp_path / "run")
    shown = io.StringIO()
    run = simgan.resume(tmp_path / "run", console=Console(file=shown, width=200))
    assert "from the beginning" in shown.getvalue()
    assert_same_run(run.path, finished_run.path)


def assert_same_run(one, other):
    """The same weights, snapshots and, but for speed, the same records."""
    snapshots = [sorted((run / "snapshots").glob("*")) for run in (one, other)]
    assert [path.name for path in snapshots[0]] == [path.name for path in snapshots[1]]
    assert [path.read_bytes() for path in snapshots[0]] == [path.read_bytes() for path in snapshots[1]]
    for name in ("refiner", "disc"):
        weights = [keras.models.load_model(run / f"{name}_model.keras").get_weights() for run in (one, other)]
        for a, b in zip(*weights, strict=True):
            np.testing.assert_array_equal(a, b)
    assert numbers(one) == numbers(other)


def assert_same_state(one, other):
    """The same newest checkpoint, to the last bit."""
    last = sorted((other / "checkpoints").iterdir())[-1].name
    folders = [run / "checkpoints" / last for run in (one, other)]
    ours, theirs = (load_file(folder / "arrays.safetensors") for folder in folders)
    assert ours.keys() == theirs.keys()
    assert all((ours[name] == theirs[name]).all() for name in theirs)
    states = [json.loads((folder / "state.json").read_text())["state"] for folder in folders]
    assert states[0] == states[1]


def numbers(folder):
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text("utf-8").splitlines()]
    return [
        {k: v for k, v in record.items() if k not in ("steps_per_second", "waiting_for_data")} for record in records
    ]


BUDGET = {
    "drift_budget": 0.05,
    "self_regularisation": 0.5,
    "steps": 22,
    "jitter": 1,
    "flip": True,
    "match": "mixed",
    "refiner": {"filters": 4, "blocks": 1, "output": "residual"},
    "refiner_average": 0.9,
    "snapshot_every": 5,
    "refiner_optimiser": {"name": "adam"},
    "checkpoint_every": "1",
    "log_every": (2, 1, 4),
}


class StopAfterError(Exception):
    """Training ends here."""


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory, tiny_config, write_sets):
    folder = tmp_path_factory.mktemp("uninterrupted")
    synthetic, real = write_sets(folder)
    simgan.train(tiny_config(**BUDGET), synthetic, real, folder / "run")
    return folder


def stop_at_checkpoint(number: int, monkeypatch) -> None:
    """Trainings end with StopAfterError once they have written so many."""
    own, written = simgan.training.checkpoint.write_checkpoint, []

    def stop(*args):
        path = own(*args)
        written.append(path)
        if len(written) == number:
            raise StopAfterError
        return path

    monkeypatch.setattr(simgan.training.checkpoint, "write_checkpoint", stop)


def test_in_bfloat16_too_a_training_repeats_and_goes_on_bit_for_bit(data, tmp_path, monkeypatch, tiny_config):
    """With filters for the tile units of AMX, where there are any."""
    refiner = {"filters": 32, "blocks": 1, "output": "residual"}
    config = tiny_config(**BUDGET | {"precision": "bfloat16", "refiner": refiner})
    runs = [simgan.train(config, *data, tmp_path / name).path for name in ("one", "again")]
    assert_same_run(*runs)
    stop_at_checkpoint(9, monkeypatch)
    with pytest.raises(StopAfterError):
        simgan.train(config, *data, tmp_path / "stopped")
    monkeypatch.undo()
    assert_same_run(simgan.resume(tmp_path / "stopped").path, runs[0])


@pytest.mark.parametrize("after", [1, 2, 3, 4, 5, 6, 9, 17, 26])
def test_a_training_that_stopped_goes_on_bit_for_bit(after, uninterrupted, tmp_path, monkeypatch, tiny_config):
    """In every phase, at its end, and in the middle of a log interval."""
    sets = (uninterrupted / "synthetic.npy", uninterrupted / "real.npy")
    stop_at_checkpoint(after, monkeypatch)
    with pytest.raises(StopAfterError):
        simgan.train(tiny_config(**BUDGET), *sets, tmp_path / "run")
    monkeypatch.undo()
    assert_same_run(simgan.resume(tmp_path / "run").path, uninterrupted / "run")
    assert_same_state(tmp_path / "run", uninterrupted / "run")


def test_a_finished_run_is_not_gone_on_with(finished_run, only_line):
    with pytest.raises(RunError) as caught:
        simgan.resume(finished_run.path)
    message = only_line(str(caught.value))
    assert "finished" in message
    assert "more --steps than its 3" in message


@pytest.mark.parametrize(
    ("first", "interrupted_at"),
    [(9, None), (20, None), (21, None), (0, None), (20, 14)],
    ids=["within an interval", "at its end", "one off", "pre-trained only", "a training that stopped"],
)
def test_a_prolonged_training_is_one_that_was_so_long_from_the_start(
    first, interrupted_at, uninterrupted, tmp_path, monkeypatch, tiny_config
):
    """Weights, optimisers, history, random states, records and settings: after 22 steps all are the same."""
    sets = (uninterrupted / "synthetic.npy", uninterrupted / "real.npy")
    begun = tiny_config(**{**BUDGET, "steps": first, "checkpoint_every": "1000"})
    if interrupted_at is None:
        simgan.train(begun, *sets, tmp_path / "run")
    else:
        stop_at_checkpoint(interrupted_at, monkeypatch)
        with pytest.raises(StopAfterError):
            simgan.train(begun.model_copy(update={"checkpoint_every": "1"}), *sets, tmp_path / "run")
        monkeypatch.undo()
    shown = io.StringIO()
    longer = begun.model_copy(update={"steps": 22})
    run = simgan.resume(tmp_path / "run", longer, console=Console(file=shown, width=200))
    assert f"prolonged from {first} to 22 adversarial steps" in shown.getvalue()
    assert run.config.steps == 22
    assert simgan.Run.open(tmp_path / "run").config.steps == 22
    assert_same_run(run.path, uninterrupted / "run")
    assert_same_state(run.path, uninterrupted / "run")


def test_a_training_that_stops_while_it_is_prolonged_goes_on_without_being_told_again(
    uninterrupted, tmp_path, monkeypatch, tiny_config
):
    sets = (uninterrupted / "synthetic.npy", uninterrupted / "real.npy")
    begun = tiny_config(**{**BUDGET, "steps": 7})
    simgan.train(begun, *sets, tmp_path / "run")
    stop_at_checkpoint(3, monkeypatch)
    with pytest.raises(StopAfterError):
        simgan.resume(tmp_path / "run", begun.model_copy(update={"steps": 22}))
    monkeypatch.undo()
    with pytest.raises(RunError, match="--resume"):  # it is no finished run meanwhile
        simgan.Run.open(tmp_path / "run")
    assert_same_run(simgan.resume(tmp_path / "run").path, uninterrupted / "run")


def test_a_run_is_not_prolonged_with_other_settings_or_fewer_steps(finished_run, tiny_config):
    before = (finished_run.path / "config.toml").read_bytes()
    with pytest.raises(
        ConfigError, match=r"steps: 3, now 2\); more --steps prolong a training, fewer cannot shorten it"
    ):
        simgan.resume(finished_run.path, tiny_config(steps=2))
    with pytest.raises(ConfigError, match="steps: 3, now 4; flip: False, now True"):
        simgan.resume(finished_run.path, tiny_config(steps=4, flip=True))
    assert (finished_run.path / "config.toml").read_bytes() == before
    assert simgan.Run.open(finished_run.path).config == finished_run.config


def test_a_finished_run_without_checkpoints_is_not_begun_anew_by_prolonging_it(data, tmp_path, tiny_config, only_line):
    run = simgan.train(tiny_config(), *data, tmp_path / "run")
    shutil.rmtree(run.path / "checkpoints")
    with pytest.raises(RunError) as caught:
        simgan.resume(run.path, tiny_config(steps=4))
    assert "expected a checkpoint" in only_line(str(caught.value))
    assert simgan.Run.open(run.path).config.steps == 3


@pytest.mark.parametrize("place", ["run", "deeper/run"])
def test_a_run_folder_within_the_images_is_refused_before_anything_starts(
    place, data, tmp_path, pixels, write_pngs, tiny_config, only_line
):
    """Its pictures would be images of the set from then on."""
    folder = write_pngs(tmp_path / "photographs", pixels(10, 3))
    before = names_in(folder)
    for sets in ((data[0], folder), (str(folder), data[1])):
        with pytest.raises(RunError) as caught:
            simgan.train(tiny_config(), *sets, folder / place)
        message = only_line(str(caught.value))
        assert "outside the images" in message
        assert str(folder / place) in message
    with open_images(folder) as source, pytest.raises(RunError, match="outside the images"):
        simgan.train(tiny_config(), data[0], source, folder / place)
    assert names_in(folder) == before


def test_the_budget_is_held_against_what_the_averaged_refiner_does_to_synthetic_images(eyes, tmp_path, tiny_config):
    """The drift in the record of step 20 was measured before it, on the refiner that step 19 left behind."""
    config = tiny_config(
        drift_budget=0.5,
        steps=20,
        log_every=(3, 2, 20),
        checkpoint_every="1",
        refiner_average=0.9,
        refiner_optimiser={"name": "adam", "learning_rate": 0.05},
    )
    run = simgan.train(config, eyes / "synthetic.h5", eyes / "real.h5", tmp_path / "run")
    before = simgan.Run.open(tmp_path / "run", checkpoint="3-adversarial-0000019")
    with open_images(eyes / "synthetic.h5") as source:
        images = source.pixel_range.to_model(np.stack([source[index] for index in range(20)]))
    moved = displacement(images, before.refiner.predict_on_batch(images))
    (measured,) = [record["measured_drift"] for record in run.metrics() if record["phase"] == "adversarial"]
    assert measured == pytest.approx(moved.mean(), rel=0.01)
    assert moved.max() > 1.5 * moved.mean() > 0.05
    numbers = load_file(before.checkpoint / "arrays.safetensors")
    live = before.refiner
    live.set_weights([numbers[f"refiner/{index:03d}"].reshape(a.shape) for index, a in enumerate(live.get_weights())])
    assert abs(displacement(images, live.predict_on_batch(images)).mean() / measured - 1) > 0.05


def test_other_images_than_it_began_with_are_refused(data, tmp_path, tiny_config, pixels):
    with pytest.raises(KeyboardInterrupt):
        simgan.train(tiny_config(), *data, tmp_path / "run", console=Console(file=Failing(KeyboardInterrupt())))
    np.save(data[1], pixels(10, seed=9))
    with pytest.raises(DataError, match=r"others in .*real\.npy"):
        simgan.resume(tmp_path / "run")


def test_images_that_moved_are_taken_where_they_are(finished_run, data, tmp_path, tiny_config):
    with pytest.raises(KeyboardInterrupt):
        simgan.train(tiny_config(), *data, tmp_path / "run", console=Console(file=Failing(KeyboardInterrupt())))
    data[1].rename(tmp_path / "elsewhere.npy")
    with pytest.raises(DataError, match="a path that does not exist"):
        simgan.resume(tmp_path / "run")
    with open_images(tmp_path / "elsewhere.npy") as real:
        assert_same_run(simgan.resume(tmp_path / "run", real=real).path, finished_run.path)


def test_two_trainings_in_one_folder_are_one_too_many(data, tmp_path, tiny_config, only_line):
    with pytest.raises(KeyboardInterrupt):
        simgan.train(tiny_config(), *data, tmp_path / "run", console=Console(file=Failing(KeyboardInterrupt())))
    with locked(tmp_path / "run"), pytest.raises(RunError) as caught:
        simgan.resume(tmp_path / "run")
    assert "no other training" in only_line(str(caught.value))


def test_checkpoints_that_cannot_be_written_are_one_line_with_a_way_on(data, tmp_path, tiny_config, only_line):
    """A file in their place: what a folder of another owner is to most users."""
    with pytest.raises(KeyboardInterrupt):
        simgan.train(tiny_config(), *data, tmp_path / "run", console=Console(file=Failing(KeyboardInterrupt())))
    (tmp_path / "run/checkpoints").write_text("in the way")
    with pytest.raises(RunError) as caught:
        simgan.resume(tmp_path / "run", tiny_config(checkpoint_every="1"))
    assert "--resume" in only_line(str(caught.value))
    (tmp_path / "run/checkpoints").unlink()
    assert simgan.resume(tmp_path / "run", tiny_config(checkpoint_every="1")).path == tmp_path / "run"


def test_a_training_goes_on_in_the_pixel_range_in_which_it_began(tmp_path, tiny_config, pixels, only_line):
    """Floats from 0 to 0.9 look like [0, 1]; the training was told [-1, 1]."""
    for name in ("synthetic", "real"):
        np.save(tmp_path / f"{name}.npy", pixels(12, 1, (8, 8)).astype(np.float32) / 300)
    given = PixelRange(-1, 1)
    config = tiny_config(checkpoint_every="1")
    with (
        open_images(tmp_path / "synthetic.npy", pixel_range=given) as synthetic,
        open_images(tmp_path / "real.npy", pixel_range=given) as real,
    ):
        run = simgan.train(config, synthetic, real, tmp_path / "run")
    longer = config.model_copy(update={"steps": config.steps + 1, "precision": "auto"})
    with open_images(tmp_path / "synthetic.npy") as guessed:
        with pytest.raises(DataError) as caught:
            simgan.resume(run.path, longer, synthetic=guessed)
        assert "[-1, 1]" in only_line(str(caught.value))
    assert simgan.resume(run.path, longer).config.steps == config.steps + 1  # `auto` is what the training chose


def test_snapshots_are_r_itself_after_each_interval_of_the_adversarial_phase(data, tmp_path, tiny_config):
    """Without an average of R, the last snapshot is the R that is saved."""
    run = simgan.train(tiny_config(steps=7, snapshot_every=3), *data, tmp_path / "run")
    assert names_in(run.path / "snapshots") == ["step_000003.safetensors", "step_000006.safetensors"]
    shorter = simgan.train(tiny_config(steps=6, snapshot_every=3), *data, tmp_path / "shorter")
    assert len(shorter.snapshots) == 2  # after the steps 3 and 6 of 6; two fifths of 6 is 2.4
    for ours, last in zip(shorter.snapshots[-1], shorter.refiner.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, last)
    assert len(run.snapshots) == 2
    single = simgan.train(tiny_config(steps=8, snapshot_every=4, history_size=6), *data, tmp_path / "single")
    assert len(single.snapshots) == 2  # after 4 and 8
    assert not simgan.train(tiny_config(steps=4, snapshot_every=3), *data, tmp_path / "one").snapshots
    assert not simgan.Run.open(run.path, "newest").snapshots
    (run.path / "snapshots" / "step_000006.safetensors").write_bytes(b"damaged")
    with pytest.raises(RunError, match=r"step_000006"):
        _ = simgan.Run.open(run.path).snapshots


def test_r_sees_matched_images_in_training(data, tmp_path, tiny_config):
    """R is trained on what `matched` makes of the images: the same run without matching, on such images."""
    config = tiny_config(match="mixed", seed=3)
    run = simgan.train(config, *data, tmp_path / "run")
    with open_images(data[0]) as synthetic:
        seen = matched(synthetic, run.photographs, 3).read(range(12))
    np.save(tmp_path / "seen.npy", np.stack(seen)[..., 0])
    plain = tiny_config(seed=3)
    other = simgan.train(plain, tmp_path / "seen.npy", data[1], tmp_path / "other")
    assert numbers(run.path) == numbers(other.path)
    assert not other.photographs
    whole = (run.path / "photographs.npz").read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"\x93NUMPY"):
        (run.path / "photographs.npz").write_bytes(damaged)
        with pytest.raises(RunError, match=r"photographs\.npz"):
            _ = simgan.Run.open(run.path).photographs
    (run.path / "photographs.npz").unlink()
    with pytest.raises(RunError, match=r"photographs\.npz"):
        _ = simgan.Run.open(run.path).photographs
