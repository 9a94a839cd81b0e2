from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from simgan.errors import ConfigError
from simgan.settings.config import (
    DiscriminatorConfig,
    OptimiserConfig,
    RefinerConfig,
    TrainConfig,
    make_config,
    prolongs,
)
from simgan.settings.records import read_settings

SGD = OptimiserConfig(name="sgd", learning_rate=0.001)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch_size", 512),
        ("refiner_pretrain_steps", 1000),
        ("discriminator_pretrain_steps", 200),
        ("steps", 2000),
        ("refiner_updates", 2),
        ("discriminator_updates", 1),
        ("refiner_optimiser", SGD),
        ("discriminator_optimiser", SGD),
        ("log_every", (20, 20, 40)),
        ("history_size", 100 * 512),
        ("psi", "identity"),
        ("refiner_average", 0.0),
        ("size", None),
        ("flip", False),
        ("jitter", 0),
        ("precision", "auto"),
        ("micro_batch", "auto"),
        ("compile", "auto"),
    ],
)
def test_default_is_the_reference(name, value):
    assert getattr(TrainConfig(), name) == value


def test_default_networks_are_those_of_the_paper_for_gaze():
    refiner, discriminator = TrainConfig().refiner, TrainConfig().discriminator
    assert (refiner.filters, refiner.kernel_size, refiner.blocks) == (64, 3, 4)
    assert (discriminator.variant, discriminator.padding) == ("gaze", "same")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"colour": 1}, "colour"),
        ({"refiner": {"depth": 1}}, "refiner.depth"),
        ({"batch_size": 1}, "batch_size"),
        ({"steps": -1}, "steps"),
        ({"refiner_updates": 0}, "refiner_updates"),
        ({"discriminator_updates": 0}, "discriminator_updates"),
        ({"self_regularisation": -0.1}, "self_regularisation"),
        ({"self_regularisation": float("nan")}, "self_regularisation"),
        ({"self_regularisation": float("inf")}, "self_regularisation"),
        ({"refiner_average": 1.0}, "refiner_average"),
        ({"micro_batch": 0}, "micro_batch"),
        ({"micro_batch": "all"}, "micro_batch"),
        ({"precision": "float16"}, "precision"),
        ({"compile": True}, "compile"),
        ({"jitter": -1}, "jitter"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**31}, "seed"),  # NumPy and Keras take 32 bits, and two seeds follow from each
        ({"sample_every": 0}, "sample_every"),
        ({"log_every": [20, 20]}, "log_every"),
        ({"log_every": [20, 0, 20]}, "log_every"),
        ({"psi": "vgg"}, "psi"),
        ({"size": "35"}, "size"),
        ({"size": "0x55"}, "size"),
        ({"refiner": {"kernel_size": 4}}, "refiner.kernel_size"),
        ({"refiner": {"filters": 0}}, "refiner.filters"),
        ({"refiner_optimiser": {"learning_rate": 0}}, "refiner_optimiser.learning_rate"),
        ({"refiner_optimiser": {"name": "rmsprop"}}, "refiner_optimiser.name"),
        ({"discriminator_optimiser": {"beta_1": 1}}, "discriminator_optimiser.beta_1"),
        ({"history_size": 255}, "history_size"),  # less than half of 512
        ({"steps": "many"}, "steps"),
        ({"steps": {"adversarial": 5}}, "steps"),
        ({"refiner": 3}, "refiner"),
    ],
)
@pytest.mark.parametrize("base", [None, TrainConfig()], ids=["fresh", "over a base"])
def test_wrong_setting_is_one_line_that_names_it(settings, named, base, only_line):
    with pytest.raises(ConfigError) as caught:
        make_config(settings, base)
    assert named in only_line(str(caught.value))


def test_every_wrong_setting_is_named_at_once(only_line):
    with pytest.raises(ConfigError) as caught:
        make_config({"colour": 1, "batch_size": 0})
    message = only_line(str(caught.value))
    assert "colour" in message
    assert "batch_size" in message


def test_history_of_exactly_half_a_batch_is_enough():
    assert make_config({"batch_size": 9, "history_size": 4}).history_size == 4


def test_config_cannot_be_changed():
    with pytest.raises(ValidationError):
        TrainConfig().steps = 1


def test_settings_hold_over_the_base_and_the_base_where_there_are_none():
    base = make_config({"steps": 7, "refiner": {"filters": 8, "blocks": 2}})
    merged = make_config({"batch_size": 16, "refiner": {"blocks": 3}}, base)
    assert merged.steps == 7
    assert merged.batch_size == 16
    assert (merged.refiner.filters, merged.refiner.blocks, merged.refiner.kernel_size) == (8, 3, 3)
    assert base.refiner.blocks == 2


def test_size_is_height_by_width():
    assert TrainConfig(size="35x55").height_width == (35, 55)
    assert TrainConfig().height_width is None


def numbers(low: float, high: float, **options: bool) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False, **options)


CONFIGS = st.builds(
    TrainConfig,
    size=st.none() | st.builds("{}x{}".format, st.integers(1, 99999), st.integers(1, 99999)),
    batch_size=st.integers(2, 4096),
    steps=st.integers(0, 10**9),
    history_size=st.integers(2048, 10**6),
    self_regularisation=numbers(0, 1e6),
    refiner_average=numbers(0, 1, exclude_max=True),
    psi=st.sampled_from(["identity", "channel_mean", "gradient", "structure"]),
    log_every=st.tuples(*[st.integers(1, 10**6)] * 3),
    refiner=st.builds(RefinerConfig, filters=st.integers(1, 512), kernel_size=st.sampled_from([1, 3, 5, 7, 9])),
    discriminator=st.builds(DiscriminatorConfig, padding=st.sampled_from(["same", "valid"])),
    refiner_optimiser=st.builds(
        OptimiserConfig, name=st.sampled_from(["sgd", "adam"]), learning_rate=numbers(0, 10, exclude_min=True)
    ),
    seed=st.integers(0, 2**31 - 1),
    precision=st.sampled_from(["auto", "float32", "bfloat16"]),
    micro_batch=st.just("auto") | st.integers(1, 4096),
    compile=st.sampled_from(["auto", "on", "off"]),
)


@given(CONFIGS)
def test_toml_gives_back_the_same_config(config):
    assert make_config(tomllib.loads(config.to_toml())) == config


def test_toml_file_is_read(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('steps = 3\npsi = "gradient"\n[refiner]\nblocks = 2\n', encoding="utf-8")
    assert read_settings(path) == ({"steps": 3, "psi": "gradient", "refiner": {"blocks": 2}}, None)


@pytest.mark.parametrize("content", [None, b"steps = = 3", b"\xff\xfe"], ids=["missing", "no TOML", "no text"])
def test_unreadable_file_is_one_line_that_names_it(content, tmp_path, only_line):
    path = tmp_path / "own.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_settings(path)
    assert str(path) in only_line(str(caught.value))


def test_a_drift_budget_needs_a_weight_to_steer():
    with pytest.raises(ConfigError, match="drift_budget"):
        make_config({"drift_budget": 0.5, "self_regularisation": 0.0})


@pytest.mark.parametrize(
    ("changes", "longer"),
    [
        ({}, False),
        ({"steps": 8}, True),
        ({"steps": 6}, False),
        ({"steps": 8, "keep": 9, "strict": True}, True),  # these are free to change
        ({"steps": 8, "flip": True}, False),
        ({"steps": 8, "refiner": {"blocks": 9}}, False),
        ({"refiner_pretrain_steps": 1001}, False),
    ],
)
def test_a_training_is_prolonged_by_more_adversarial_steps_alone(changes, longer):
    recorded = make_config({"steps": 7})
    assert prolongs(recorded, make_config(changes, recorded)) == longer
