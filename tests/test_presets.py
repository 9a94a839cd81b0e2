from __future__ import annotations

from typing import get_args

from simgan.config import TrainConfig
from simgan.presets import PRESETS, PresetName


def test_every_name_has_a_preset():
    assert set(PRESETS) == set(get_args(PresetName))


def test_default_is_the_reference():
    assert PRESETS["default"].config == TrainConfig()


def test_every_preset_says_where_it_comes_from_how_it_ran_and_what_came_out():
    records = {
        name: (preset.source, preset.command, preset.run_time, preset.result) for name, preset in PRESETS.items()
    }
    assert [name for name, record in records.items() if not all(record)] == []


def test_hand_pose_preset_has_the_networks_of_the_paper():
    config = PRESETS["paper-hand"].config
    assert (config.refiner.kernel_size, config.refiner.blocks) == (7, 10)
    assert config.discriminator.variant == "hand"
