"""Ready-made settings. Each says where it comes from, how it was run, how long that took, and what came out."""

from dataclasses import dataclass
from typing import Literal

from simgan.config import DiscriminatorConfig, OptimiserConfig, RefinerConfig, TrainConfig, make_config

PresetName = Literal["default", "paper-gaze", "paper-hand", "demo", "eyes"]


@dataclass(frozen=True)
class Preset:
    """Settings and their record."""

    config: TrainConfig
    source: str
    command: str
    run_time: str
    result: str


_ADAM = OptimiserConfig(name="adam", learning_rate=2e-4, beta_1=0.5)

# What measured best on photographs and on the renderer's camera domain alike: docs/experiments.md.
_OURS = TrainConfig(
    batch_size=16,
    refiner_pretrain_steps=300,
    discriminator_pretrain_steps=100,
    steps=1000,
    self_regularisation=4.0,
    psi="structure",
    flip=True,
    jitter=2,
    refiner_average=0.999,
    history_size=1024,
    refiner_optimiser=_ADAM,
    discriminator_optimiser=_ADAM,
    discriminator=DiscriminatorConfig(padding="valid"),
)

# The paper's 0.001 is on sums over P patches; on our means that is 0.001 P (docs/algorithm.md).
_SGD_126 = OptimiserConfig(learning_rate=0.126)
_SGD_49 = OptimiserConfig(learning_rate=0.049)

_PAPER = "Shrivastava et al., CVPR 2017, section 3; the weight of self-regularisation is ours"
PRESETS: dict[PresetName, Preset] = {
    "default": Preset(TrainConfig(), "", "", "", ""),
    "paper-gaze": Preset(
        TrainConfig(refiner_optimiser=_SGD_126, discriminator_optimiser=_SGD_126), _PAPER, "", "", ""
    ),
    "paper-hand": Preset(
        TrainConfig(
            size="224x224",
            history_size=5120,
            micro_batch=4,
            refiner_optimiser=_SGD_49,
            discriminator_optimiser=_SGD_49,
            refiner=RefinerConfig(kernel_size=7, blocks=10),
            discriminator=DiscriminatorConfig(variant="hand"),
        ),
        _PAPER,
        "",
        "",
        "",
    ),
    "demo": Preset(make_config({"refiner": {"filters": 32}}, _OURS), "", "", "", ""),
    "eyes": Preset(_OURS, "", "", "", ""),
}
