"""The demo: renders synthetic and camera eyes, trains a refiner, refines, scores and reports. It needs no data."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from simgan.console.printing import print_line
from simgan.console.progress import show_progress
from simgan.evaluation.evaluate import EvaluateConfig, evaluate
from simgan.evaluation.results import Evaluation
from simgan.eyes import Domain, write_eyes
from simgan.files.folders import check_new
from simgan.images import open_images
from simgan.refining.data_set import refine_data_set
from simgan.report import write_report
from simgan.settings.config import make_config
from simgan.settings.presets import PRESETS
from simgan.training.train import train

# Test eyes are rendered with a seed of their own, so that no test eye occurs in training.
_TEST_SEED_OFFSET = 1_000_003
_SCORING = EvaluateConfig(label="gaze", points="iris_centre")


@dataclass(frozen=True)
class DemoSize:
    """How much the demo renders, trains and scores."""

    synthetic: int
    """Images, as `real` and `test`."""
    real: int
    test: int
    scoring: EvaluateConfig
    settings: dict[str, Any] = field(default_factory=dict)
    """What differs from the preset `default`."""


SHORT = DemoSize(
    2000,
    1000,
    600,
    _SCORING.quick(),
    {"refiner_pretrain_steps": 100, "discriminator_pretrain_steps": 50, "steps": 200, "sample_every": 50},
)
FULL = DemoSize(8000, 4000, 2000, _SCORING)


def run_demo(out: Path, seed: int, console: Console, size: DemoSize = SHORT) -> Evaluation:
    """Runs the demo into a new folder `out`.

    Training does not use the labels of the `camera` images; only the score of the test images does.

    Raises:
        RunError: `out` exists.
        OSError: `out` cannot be written.
        ConfigError: the seed is out of range.
    """
    started = time.perf_counter()
    config = make_config({"seed": seed, **size.settings}, PRESETS["default"].config)

    def render(name: str, count: int, domain: Domain, eye_seed: int) -> Path:
        path = out / f"{name}.h5"
        with show_progress(console, f"rendering {name}") as on_progress:
            write_eyes(path, count, domain=domain, seed=eye_seed, on_progress=on_progress)
        return path

    check_new(out).mkdir(parents=True)
    print_line(
        console,
        f"demo: renders {size.synthetic + size.real + size.test} eyes, trains R for {config.steps} adversarial steps, "
        "refines each image by a random strength from 0.5 to 1 as 'simgan refine' does, compares refined images with "
        f"free alternatives by estimators of gaze, and draws {out / 'run' / 'report.html'}",
    )
    synthetic = render("synthetic", size.synthetic, "synthetic", seed)
    real = render("camera", size.real, "camera", seed)
    test = render("test", size.test, "camera", seed + _TEST_SEED_OFFSET)
    run = train(config, synthetic, real, out / "run", console=console)
    with open_images(synthetic) as source, show_progress(console, "refining") as on_progress:
        refine_data_set(run, source, out / "refined.h5", on_progress)
    with open_images(test) as real_test:
        command = f"simgan demo --seed {seed}{' --full' if size is FULL else ''}"
        found = evaluate(run, real_test=real_test, config=size.scoring, command=command, console=console)
    report = write_report(run)
    print_line(console, f"report: {report}")
    print_line(console, f"done in {(time.perf_counter() - started) / 60:.1f} minutes")
    return found
