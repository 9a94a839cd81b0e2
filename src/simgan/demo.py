"""The demo: render two domains of eyes, train a refiner, refine, score, draw. The main job with nothing to bring."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table as ScreenTable

from simgan.config import make_config
from simgan.evaluation import Drift, angular_error, label_drift, own_error, train_estimator, train_localiser
from simgan.eyes import render_eyes, write_eyes
from simgan.folders import new_folder
from simgan.images import PixelRange, open_images, read_all
from simgan.presets import PRESETS
from simgan.progress import show_progress
from simgan.refining import refine_data_set
from simgan.report import Table, write_report
from simgan.run import Run
from simgan.training import train

_SYNTHETIC, _REAL, _TEST = 8000, 4000, 2000  # images
_DRIFT_SAMPLE = 2000  # images


@dataclass(frozen=True)
class DemoResult:
    """What the demo measured."""

    synthetic_error: float
    """Mean gaze error on `camera` test images of an estimator trained on synthetic images, degrees."""
    refined_error: float
    """The same, trained on the refined images with the same labels."""
    drift: Drift
    """How far refining moved the iris centre, px."""
    localiser_error: float
    """Mean error of the localiser on synthetic images, px: drift below it cannot be told from none."""
    report: Path


def run_demo(out: Path, seed: int, console: Console) -> DemoResult:
    """Runs the demo into a new folder `out` and prints the table.

    The labels of the `camera` images are used for the last score alone.

    Raises:
        RunError: `out` exists or cannot be written.
        ConfigError: the seed is out of range.
    """
    started = time.perf_counter()
    config = make_config({"seed": seed}, PRESETS["demo"].config)
    with new_folder(out):
        with show_progress(console, "rendering synthetic") as on_progress:
            write_eyes(out / "synthetic.h5", _SYNTHETIC, seed=seed, on_progress=on_progress)
        with show_progress(console, "rendering camera") as on_progress:
            write_eyes(out / "camera.h5", _REAL, domain="camera", seed=seed, on_progress=on_progress)
        run = train(config, out / "synthetic.h5", out / "camera.h5", out / "run", console=console)
        with open_images(out / "synthetic.h5") as source, show_progress(console, "refining") as on_progress:
            refine_data_set(run, source, out / "refined.h5", on_progress)
        result = _score(out, run, seed, console)
    _print(result, time.perf_counter() - started, console)
    return result


def _score(out: Path, run: Run, seed: int, console: Console) -> DemoResult:
    """Trains both estimators and the localiser, and writes the report with what they found."""
    synthetic, labels = _load(out / "synthetic.h5")
    refined, _ = _load(out / "refined.h5")
    # Test eyes come from a series of their own, so that none was seen in training.
    test = render_eyes(_TEST, domain="camera", seed=seed + 1_000_003)
    test_images = PixelRange.of(test.images.dtype).to_model(test.images)

    def gaze_error(name: str, images: NDArray[np.float32]) -> float:
        with show_progress(console, f"gaze from {name}", "steps") as on_progress:
            estimator = train_estimator(images, labels["gaze"], seed=seed, on_progress=on_progress)
        return float(angular_error(estimator(test_images), test.gaze).mean())

    errors = [gaze_error(name, images) for name, images in (("synthetic", synthetic), ("refined", refined))]
    with show_progress(console, "localiser", "steps") as on_progress:
        # Read on images that it was not trained on: its own error there is the floor of what it can see.
        seen, points = slice(_DRIFT_SAMPLE, None), labels["iris_centre"]
        localiser = train_localiser(synthetic[seen], points[seen], seed=seed, on_progress=on_progress)
    held_out = slice(_DRIFT_SAMPLE)
    drift = label_drift(localiser, synthetic[held_out], refined[held_out])
    floor = own_error(localiser, synthetic[held_out], points[held_out])
    table = Table(
        "Did refining help?",
        [
            ("gaze estimator trained on", "mean error on camera images"),
            ("synthetic", f"{errors[0]:.2f} degrees"),
            ("refined", f"{errors[1]:.2f} degrees ({errors[1] / errors[0] - 1:+.0%})"),
        ],
        f"Same network, same steps, same labels; {_TEST} test images. The camera images are simulated.",
    )
    moved = Table(
        "Are the labels still true?",
        [
            ("drift of the iris centre", "pixels"),
            ("mean", f"{drift.mean:.2f}"),
            ("95th percentile", f"{drift.p95:.2f}"),
            ("worst", f"{drift.worst:.2f}"),
            ("the localiser's own mean error", f"{floor:.2f}"),
        ],
        f"Read before and after refining by a localiser trained on other synthetic images; {_DRIFT_SAMPLE} images of "
        "55 px.",
    )
    return DemoResult(errors[0], errors[1], drift, floor, write_report(run, [table, moved]))


def _load(path: Path) -> tuple[NDArray[np.float32], dict[str, NDArray[Any]]]:
    """The demo's own small set, whole: images (N, H, W, C) in [-1, 1], and the labels."""
    with open_images(path) as source:
        return read_all(source), {name: source.labels(name) for name in source.label_names}


def _print(result: DemoResult, seconds: float, console: Console) -> None:
    better = 1 - result.refined_error / result.synthetic_error
    table = ScreenTable("", "trained on synthetic", "trained on refined", "better by")
    table.add_row(
        "gaze error on camera images",
        f"{result.synthetic_error:.2f} degrees",
        f"{result.refined_error:.2f} degrees",
        f"{better:.0%}",
    )
    console.print(table)
    console.print(
        f"label drift: {result.drift} (the localiser's own error: {result.localiser_error:.2f} px)",
        highlight=False,
    )
    console.print(f"report: {result.report}", soft_wrap=True, highlight=False)
    console.print(f"done in {seconds / 60:.1f} minutes", highlight=False)
