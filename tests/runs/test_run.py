from __future__ import annotations

import json
import shutil
import tomllib

import keras
import numpy as np
import pytest
import tomli_w
from PIL import Image

from simgan import Run, resume
from simgan.engines.automatic import open_engine
from simgan.errors import RunError
from simgan.images import PixelRange
from simgan.images.ranges import TypedRange
from simgan.runs.run import open_recorded
from simgan.settings.config import make_config
from simgan.settings.records import DataRecord, read_settings
from simgan.training.run_folder import save_models, write_config
from simgan.training.state import new_state

MODEL_FILES = [f"{name}_model.{suffix}" for name in ("disc", "refiner", "simgan") for suffix in ("h5", "keras")]


@pytest.fixture
def copied(finished_run, tmp_path):
    """A run folder that a test may damage."""
    return shutil.copytree(finished_run.path, tmp_path / "copy")


def test_finished_run_opens_with_its_settings_and_its_data(finished_run, tiny_config):
    run = Run.open(str(finished_run.path))
    assert run.config == tiny_config()
    assert (run.data.height, run.data.width, run.data.channels) == (8, 8, 1)


def test_refiner_has_the_weights_of_both_files_and_takes_any_size(finished_run):
    refiner = finished_run.refiner
    for suffix in ("keras", "h5"):
        saved = keras.models.load_model(finished_run.path / f"refiner_model.{suffix}")
        for own, stored in zip(refiner.get_weights(), saved.get_weights(), strict=True):
            np.testing.assert_array_equal(own, stored)
    assert refiner.predict_on_batch(np.zeros((1, 5, 11, 1), np.float32)).shape == (1, 5, 11, 1)


def test_metrics_are_the_lines_of_the_file(finished_run):
    lines = (finished_run.path / "metrics.jsonl").read_text("utf-8").splitlines()
    assert len(lines) > 3
    assert finished_run.metrics() == [json.loads(line) for line in lines]


@pytest.mark.parametrize(("missing", "way"), [("config.toml", "config.toml"), ("networks.safetensors", "--resume")])
def test_unfinished_run_is_one_line_with_a_way_out(missing, way, copied, only_line):
    (copied / missing).unlink()
    with pytest.raises(RunError) as caught:
        Run.open(copied)
    message = only_line(str(caught.value))
    assert way in message
    assert str(copied) in message


def test_lost_networks_of_a_finished_training_are_made_anew_from_its_last_checkpoint(copied, only_line):
    before = (copied / "networks.safetensors").read_bytes()
    (copied / "networks.safetensors").unlink()
    with pytest.raises(RunError) as caught:
        Run.open(copied)
    message = only_line(str(caught.value))
    assert "networks.safetensors" in message
    assert "stopped early" not in message
    assert f"'simgan train --resume {copied}'" in message
    assert "3-adversarial-0000003" in message
    resume(copied)  # the way out
    assert (copied / "networks.safetensors").read_bytes() == before


def test_lost_networks_without_a_checkpoint_are_said_to_be_lost(copied, only_line):
    (copied / "networks.safetensors").unlink()
    shutil.rmtree(copied / "checkpoints")
    with pytest.raises(RunError) as caught:
        Run.open(copied)
    message = only_line(str(caught.value))
    assert "no checkpoint" in message
    assert "--resume" not in message
    assert "restore the file" in message


def test_a_training_that_stopped_early_is_told_apart_from_lost_networks(copied):
    (copied / "networks.safetensors").unlink()
    (copied / "checkpoints/3-adversarial-0000003").rename(copied / "checkpoints/3-adversarial-0000001")
    with pytest.raises(RunError, match=r"stopped early .*--resume"):
        Run.open(copied)


@pytest.mark.parametrize("last", [True, False])
def test_damaged_networks_name_the_way_out(last, copied, only_line):
    (copied / "networks.safetensors").write_bytes(b"damaged")
    if not last:
        shutil.rmtree(copied / "checkpoints")
    with pytest.raises(RunError) as caught:
        _ = Run.open(copied).refiner
    message = only_line(str(caught.value))
    assert ("remove the file, then 'simgan train --resume" in message) == last
    assert ("train anew" in message) != last


def test_a_damaged_checkpoint_names_the_way_out(copied, only_line):
    (copied / "checkpoints/3-adversarial-0000003/arrays.safetensors").unlink()
    with pytest.raises(RunError) as caught:
        _ = Run.open(copied, "newest").refiner
    assert f"choose another of the checkpoints in {copied / 'checkpoints'}" in only_line(str(caught.value))


def test_missing_folder_is_a_run_error(tmp_path):
    with pytest.raises(RunError, match="nowhere"):
        Run.open(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[data]", "[other]"),
        ("batch_size = 4", "batch_size = "),
        ("batch_size = 4", "batch_size = 0"),
        ("batch_size = 4", "batch_sise = 4"),
        ("height = 8", "hite = 8"),
        ("height = 8", "height = 0"),
        ("channels = 1", 'channels = "one"'),
    ],
    ids=["no data", "no TOML", "out of range", "unknown setting", "unknown data", "no size", "no number"],
)
def test_damaged_settings_are_one_line(old, new, copied, only_line):
    path = copied / "config.toml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(RunError) as caught:
        Run.open(copied)
    assert str(path) in only_line(str(caught.value))


@pytest.mark.parametrize("damage", ["cut short", "other network"])
def test_weights_that_do_not_fit_are_one_line_that_names_the_file(damage, copied, only_line):
    if damage == "cut short":
        whole = (copied / "networks.safetensors").read_bytes()
        (copied / "networks.safetensors").write_bytes(whole[: len(whole) // 2])
    else:
        text = (copied / "config.toml").read_text("utf-8")
        (copied / "config.toml").write_text(text.replace("filters = 4", "filters = 5"), "utf-8")
    run = Run.open(copied)
    with pytest.raises(RunError) as caught:
        _ = run.refiner
    assert "networks.safetensors" in only_line(str(caught.value))


def data_record(channels: int, path: str = "/s") -> DataRecord:
    return DataRecord.model_validate(
        {"synthetic": {"path": path, "key": "eyes"}, "real": {"path": "/r", "range": (0, 4095)}}
        | {"height": 8, "width": 9, "channels": channels}
    )


def test_config_file_holds_every_setting_and_the_data(tmp_path, tiny_config):
    config, data = tiny_config(size="8x9", psi="gradient"), data_record(3, 'a "quoted" name')
    write_config(tmp_path, config, data)
    settings, read = read_settings(tmp_path / "config.toml")
    assert read is not None
    unset = {"layout": None, "dtype": None, "on_bad_image": "stop", "digest": None}
    unset |= {"images": None, "channels": None, "follow_links": True}
    assert read.model_dump() == {
        "synthetic": {"path": 'a "quoted" name', "key": "eyes", **unset, "range": None},
        "real": {"path": "/r", "key": None, **unset, "range": (0, 4095)},
        "height": 8,
        "width": 9,
        "channels": 3,
    }
    assert make_config(settings) == config


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_saved_models_are_float32_channels_last_with_the_average_of_r(precision, tmp_path, tiny_config):
    config = tiny_config(precision=precision)
    state = new_state(open_engine(micro_batch=4, compiled=False), config, (8, 9), 3)
    save_models(tmp_path, state, config, data_record(3))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*MODEL_FILES, "networks.safetensors"])
    x = np.random.default_rng(0).uniform(-1, 1, (2, 8, 9, 3)).astype(np.float32)
    tolerance = 1e-5 if precision == "float32" else 0.05
    for suffix in ("h5", "keras"):
        refiner, disc, joint = (
            keras.models.load_model(tmp_path / f"{name}_model.{suffix}") for name in ("refiner", "disc", "simgan")
        )
        for model in (refiner, disc, joint):
            assert {weight.dtype for weight in model.weights} == {"float32"}
        for layer in (*refiner.layers, *disc.layers):
            assert layer.compute_dtype == "float32"
            assert getattr(layer, "data_format", "channels_last") == "channels_last"
        assert refiner.input_shape == (None, None, None, 3)
        assert disc.input_shape == joint.input_shape == (None, 8, 9, 3)
        for saved, own in zip(refiner.get_weights(), state.averaged_refiner.get_weights(), strict=True):
            np.testing.assert_array_equal(saved, own)
        refined, logits = joint.predict_on_batch(x)
        np.testing.assert_allclose(refined, state.averaged_refiner.predict_on_batch(x), atol=tolerance)
        np.testing.assert_allclose(logits, state.discriminator.predict_on_batch(refined), atol=tolerance)


@pytest.mark.parametrize(
    "line", ["[1]", "5", "{}", '{"phase": "adversarial"}', '{"phase": "adversarial", "step": "x"}']
)
def test_metrics_that_no_training_wrote_are_one_line(line, finished_run, tmp_path, only_line):
    run = Run.open(shutil.copytree(finished_run.path, tmp_path / "run"))
    (run.path / "metrics.jsonl").write_text(line + "\n")
    with pytest.raises(RunError) as caught:
        run.metrics()
    assert "metrics.jsonl" in only_line(str(caught.value))


def test_the_range_and_the_type_of_both_sets_are_recorded(finished_run, signed_run):
    bytes_of, floats_of = finished_run.data.synthetic, signed_run.data.real
    assert (bytes_of.range, bytes_of.dtype) == ((0, 255), "uint8")
    assert (floats_of.range, floats_of.dtype) == ((-1, 1), "float32")
    assert signed_run.input_range == TypedRange(PixelRange(-1, 1), np.dtype("float32"))


def test_a_run_of_an_older_version_opens_without_range_and_type(copied):
    path = copied / "config.toml"
    settings = tomllib.loads(path.read_text("utf-8"))
    for name in ("synthetic", "real"):
        del settings["data"][name]["range"], settings["data"][name]["dtype"]
    path.write_text(tomli_w.dumps(settings), "utf-8")
    run = Run.open(copied)
    assert run.input_range is None
    with open_recorded(run.data.synthetic) as source:
        assert source.pixel_range == PixelRange(0, 255)


def test_a_recorded_set_is_read_in_its_range_whatever_its_values_are_now(signed_run, tmp_path):
    np.save(tmp_path / "some.npy", np.full((3, 8, 8), 0.5, np.float32))
    record = signed_run.data.synthetic.model_copy(update={"path": str(tmp_path / "some.npy")})
    with open_recorded(record) as source:
        assert (source.pixel_range, source.range_origin) == (PixelRange(-1, 1), "known")


def test_a_set_is_opened_as_it_was_in_training_though_its_path_is_not_utf_8(tmp_path, tiny_config, pixels):
    folder = tmp_path / "s\udcff"
    for name in ("rgb", "other"):
        (folder / name).mkdir(parents=True)
        Image.fromarray(pixels(1, 0)[0]).save(folder / name / "p.png")
    synthetic = {"path": str(folder), "images": "rgb/*", "channels": 3, "follow_links": False}
    data = DataRecord.model_validate(
        {"synthetic": synthetic, "real": {"path": "y"}, "height": 8, "width": 8, "channels": 3}
    )
    write_config(tmp_path, tiny_config(), data)
    _, read = read_settings(tmp_path / "config.toml")
    assert read == data
    with open_recorded(read.synthetic) as source:
        assert (source.path, tuple(source.names), source.channels) == (folder, ("rgb/p.png",), 3)
        assert not source.follow_links
