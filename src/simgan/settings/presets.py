"""Ready-made settings. Each records its source, the command that ran it, the time that took, and the result."""

from dataclasses import dataclass
from typing import Literal

from simgan.settings.config import DiscriminatorConfig, OptimiserConfig, RefinerConfig, TrainConfig, make_config

PresetName = Literal["default", "wide", "reference", "paper-gaze", "paper-hand"]


@dataclass(frozen=True)
class Preset:
    """Settings, their source, the command that ran them, its time and its result."""

    config: TrainConfig
    source: str
    command: str
    run_time: str
    result: str


_ADAM = OptimiserConfig(name="adam", learning_rate=2e-4, beta_1=0.5)

# The settings that measured best both on photographs and on rendered camera eyes: docs/experiments.md.
_OURS = TrainConfig(
    batch_size=16,
    refiner_pretrain_steps=0,
    discriminator_pretrain_steps=300,
    steps=1000,
    self_regularisation=4.0,
    crop="auto",
    drift_budget=0.25,
    keep_label=("auto",),
    psi="structure",
    framing="auto",
    match="mixed",
    flip=True,
    jitter=2,
    refiner_average=0.999,
    history_size=1024,
    snapshot_every=25,
    refiner=RefinerConfig(output="residual"),
    refiner_optimiser=_ADAM,
    discriminator_optimiser=_ADAM,
    discriminator=DiscriminatorConfig(padding="valid"),
)

# The paper's rate 0.001 applies to losses that are sums over P patches. Ours are means, so the same step needs the
# rate 0.001 P (docs/algorithm.md).
_SGD_126 = OptimiserConfig(learning_rate=0.126)
_SGD_49 = OptimiserConfig(learning_rate=0.049)

_PAPER = "Shrivastava et al., CVPR 2017, section 3; number of steps and weight of self-regularisation are ours"
_TIMED = "simgan train --preset {} ... --refiner-pretrain-steps 8 --discriminator-pretrain-steps 8 --steps 4"
_TIME = (
    "estimated from the rate of steps, not run to the end: 4.8 hours on two cores with AMX, before compiling; "
    "11 hours with AVX-512 (make bench)"
)

PRESETS: dict[PresetName, Preset] = {
    "default": Preset(
        make_config({"refiner": {"filters": 32}}, _OURS),
        "ours: docs/experiments.md",
        "simgan demo --full --seed 0, 1, 2",
        "31 minutes on one busy AVX2 core, scoring included; about 7 on two with AVX-512 bfloat16",
        "iris drift 0.34, 0.46, 0.36 px on camera images before residual R and snapshots (experiments, 12, 17)",
    ),
    "wide": Preset(
        _OURS,
        "ours: `default` with twice the filters; docs/experiments.md, section 1",
        "simgan train --preset wide --synthetic gaze.h5 --real real_gaze.h5 (UnityEyes, MPIIGaze)",
        "5.1 minutes on two cores with AMX, before the drift budget; 17 on one AVX2 core",
        "iris drift 0.68 px by a localiser whose own error is 0.59 px; a classifier tells patches apart at 58 % "
        "(synthetic 83 %)",
    ),
    "reference": Preset(
        TrainConfig(),
        "the reference Keras description: batch 512, SGD 0.001, 1000 + 200 + 2000 steps",
        _TIMED.format("reference"),
        _TIME,
        "works; R and D hardly move at this learning rate on means (docs/algorithm.md)",
    ),
    "paper-gaze": Preset(
        TrainConfig(refiner_optimiser=_SGD_126, discriminator_optimiser=_SGD_126),
        _PAPER,
        _TIMED.format("paper-gaze"),
        _TIME,
        "both networks learn; both swing widely in the first steps, but all numbers stay finite",
    ),
    "paper-hand": Preset(
        TrainConfig(
            size="224x224",
            history_size=5120,
            refiner_optimiser=_SGD_49,
            discriminator_optimiser=_SGD_49,
            refiner=RefinerConfig(kernel_size=7, blocks=10),
            discriminator=DiscriminatorConfig(variant="hand"),
        ),
        _PAPER,
        "make test (tests/test_presets.py takes one step at 224x224)",
        "meant for a GPU; not run beyond that step",
        "4,018,625 and 178,050 parameters; the step is finite and moves both networks",
    ),
}
