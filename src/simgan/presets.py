"""Ready-made settings. Each says where it comes from, how it was run, how long that took, and what came out."""

from dataclasses import dataclass
from typing import Literal

from simgan.config import DiscriminatorConfig, OptimiserConfig, RefinerConfig, TrainConfig

PresetName = Literal["default", "paper-gaze", "paper-hand", "demo", "eyes"]


@dataclass(frozen=True)
class Preset:
    """Settings and their record."""

    config: TrainConfig
    source: str
    command: str
    run_time: str
    result: str


_TRIAL = TrainConfig(
    batch_size=16,
    refiner_pretrain_steps=300,
    discriminator_pretrain_steps=100,
    steps=1000,
    self_regularisation=4.0,
    refiner_average=0.999,
    history_size=1024,
    refiner_optimiser=OptimiserConfig(name="adam", learning_rate=2e-4),
    discriminator_optimiser=OptimiserConfig(name="adam", learning_rate=2e-4),
    refiner=RefinerConfig(filters=32),
    discriminator=DiscriminatorConfig(padding="valid"),
)

PRESETS: dict[PresetName, Preset] = {
    n: Preset(c, "", "", "", "")
    for n, c in {"default": TrainConfig(), "demo": _TRIAL, "eyes": _TRIAL, "paper-gaze": TrainConfig()}.items()
}
