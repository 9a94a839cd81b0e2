"""The demo: renders two domains of eyes, trains a refiner, refines, measures, draws the report. It needs no data."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from simgan.console.printing import say
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

# Test eyes are rendered from another seed, so that none of them was seen in training.
_TEST_SERIES = 1_000_003
_SCORING = EvaluateConfig(label="gaze", points="iris_centre", steps=800)


@dataclass(frozen=True)
class DemoSize:
    """How much the demo renders, trains and scores."""

    synthetic: int
    """Images, as `real` and `test`."""
    real: int
    test: int
    scoring: EvaluateConfig
    settings: dict[str, Any] = field(default_factory=dict)
    """What differs from the preset `demo`."""


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

    The labels of the `camera` images are used for the downstream score only.

    Raises:
        RunError: `out` exists.
        OSError: it cannot be written.
        ConfigError: the seed is out of range.
    """
    started = time.perf_counter()
    config = make_config({"seed": seed, **size.settings}, PRESETS["demo"].config)

    def render(name: str, count: int, domain: Domain, series: int) -> Path:
        path = out / f"{name}.h5"
        with show_progress(console, f"rendering {name}") as on_progress:
            write_eyes(path, count, domain=domain, seed=series, on_progress=on_progress)
        return path

    check_new(out).mkdir(parents=True)
    say(
        console,
        f"demo: renders {size.synthetic + size.real + size.test} eyes, trains R for {config.steps} adversarial steps, "
        f"refines, trains {3 * size.scoring.seeds} estimators of gaze, and draws {out / 'run' / 'report.html'}",
    )
    synthetic = render("synthetic", size.synthetic, "synthetic", seed)
    real = render("camera", size.real, "camera", seed)
    test = render("test", size.test, "camera", seed + _TEST_SERIES)
    run = train(config, synthetic, real, out / "run", console=console)
    with open_images(synthetic) as source, show_progress(console, "refining") as on_progress:
        refine_data_set(run, source, out / "refined.h5", on_progress)
    with open_images(test) as real_test:
        command = f"simgan demo --seed {seed}{' --full' if size is FULL else ''}"
        found = evaluate(run, real_test=real_test, config=size.scoring, command=command, console=console)
    report = write_report(run)
    say(console, f"report: {report}")
    say(console, f"done in {(time.perf_counter() - started) / 60:.1f} minutes")
    return found
