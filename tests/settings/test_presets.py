from __future__ import annotations

from typing import get_args

import numpy as np

from simgan.engines.automatic import open_engine, resolve
from simgan.settings.config import TrainConfig, make_config
from simgan.settings.presets import PRESETS, PresetName
from simgan.training.state import new_state
from simgan.training.steps import Steps


def test_every_name_has_a_preset():
    assert set(PRESETS) == set(get_args(PresetName))


def test_default_is_the_reference():
    assert PRESETS["reference"].config == TrainConfig()


def test_every_preset_says_where_it_comes_from_how_it_ran_and_what_came_out():
    records = {
        name: (preset.source, preset.command, preset.run_time, preset.result) for name, preset in PRESETS.items()
    }
    assert [name for name, record in records.items() if not all(record)] == []


def test_hand_pose_preset_has_the_networks_of_the_paper():
    config = PRESETS["paper-hand"].config
    assert (config.refiner.kernel_size, config.refiner.blocks) == (7, 10)
    assert config.discriminator.variant == "hand"


def test_hand_preset_takes_a_step():
    """A quarter of the paper's 224x224 pixels take a quarter of the time: the networks are the same for any size."""
    config = make_config({"history_size": 256, "compile": "off"}, PRESETS["paper-hand"].config)
    assert config.height_width == (224, 224)
    config = resolve(config, (224, 224), 1)
    engine = open_engine(micro_batch=config.micro_batch, compiled=False)
    state = new_state(engine, config, (112, 112), 1)
    steps = Steps(engine, state, config)
    images = engine.to_device(np.random.default_rng(0).uniform(-1, 1, (1, 112, 112, 1)).astype(np.float32))
    before = [model.get_weights() for model in (state.refiner, state.discriminator)]
    of_refiner = steps.update_refiner(images, 1.0)
    of_discriminator, _ = steps.update_discriminator(images, images)
    assert np.isfinite([float(value) for value in (*of_refiner, *of_discriminator)]).all()
    for model, old in zip((state.refiner, state.discriminator), before, strict=True):
        assert any((one != other).any() for one, other in zip(model.get_weights(), old, strict=True))
