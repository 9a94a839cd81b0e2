"""Trains on tiny images for minutes: memory, open files and the time of a step must not grow.

    python -m soak.long_run --minutes 20

Linux only: what a process uses is read from /proc.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np

from simgan.settings.config import make_config

_SETTINGS = {
    "batch_size": 16,
    "refiner_pretrain_steps": 10,
    "discriminator_pretrain_steps": 10,
    "steps": 10**9,
    "refiner": {"filters": 8, "blocks": 1},
    "history_size": 256,
    "log_every": (10, 10, 100),
    "sample_every": 5000,
    "self_regularisation": 0.5,
    "drift_budget": 0.5,
    "refiner_average": 0.99,
    "refiner_optimiser": {"name": "adam", "learning_rate": 1e-5},
    "discriminator_optimiser": {"name": "adam", "learning_rate": 1e-5},
    "flip": True,
    "jitter": 1,
    "compile": "off",
    "checkpoint_every": "10s",
}
_EVERY = 1.0  # seconds between two readings
_GROWTH = 1.02  # of memory, from the second quarter to the last; a leak of 100 bytes a step would show
_SLOWER = 1.15  # of a step; machines are noisy


class Used(NamedTuple):
    """What a training used, in the second and in the last quarter of its time: medians."""

    minutes: float
    steps: int
    megabytes: tuple[float, float]
    files: tuple[float, float]
    milliseconds: tuple[float, float]
    """Processor time of a step, so that other programs on the machine do not count."""

    @property
    def is_flat(self) -> bool:
        """Whether nothing grew."""
        (before, after), (slow_before, slow_after) = self.megabytes, self.milliseconds
        return after < _GROWTH * before and self.files[1] <= self.files[0] and slow_after < _SLOWER * slow_before


def watch(minutes: float, folder: Path) -> Used:
    """Trains in `folder`, which exists, for `minutes`, and stops the training with SIGTERM."""
    random = np.random.default_rng(0)
    for name in ("synthetic", "real"):
        np.save(folder / f"{name}.npy", random.integers(0, 256, (200, 16, 16), np.uint8))
    (folder / "settings.toml").write_text(make_config(_SETTINGS).to_toml(), encoding="utf-8")
    sets = [part for name in ("synthetic", "real") for part in (f"--{name}", str(folder / f"{name}.npy"))]
    command = ["train", "--config", str(folder / "settings.toml"), *sets, "--out", str(folder / "run")]
    with (folder / "log").open("w") as log:
        # One thread: the waiting of threads for each other would count as processor time.
        one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen([sys.executable, "-m", "simgan", *command], stdout=log, stderr=log, env=one_thread)
    metrics = folder / "run" / "metrics.jsonl"
    while process.poll() is None and not (metrics.exists() and metrics.stat().st_size > 2000):
        time.sleep(_EVERY)
    readings, started = [], time.monotonic()
    while process.poll() is None and time.monotonic() - started < 60 * minutes:
        files = len(list(Path(f"/proc/{process.pid}/fd").iterdir()))
        readings.append((_megabytes(process.pid), files, _seconds(process.pid), _step(metrics)))
        time.sleep(_EVERY)
    process.send_signal(signal.SIGTERM)
    if process.wait() != 143:
        raise RuntimeError(
            f"expected 143 after SIGTERM, received {process.returncode}: {(folder / 'log').read_text()}"
        )
    megabytes, files, seconds, steps = zip(*readings, strict=True)
    quarter = len(readings) // 4
    costs = [
        1000 * (seconds[end - 1] - seconds[start]) / (steps[end - 1] - steps[start])
        for start, end in ((quarter, 2 * quarter), (3 * quarter, len(readings)))
    ]
    return Used(minutes, _step(metrics), _quarters(megabytes), _quarters(files), (costs[0], costs[1]))


def _megabytes(process: int) -> float:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _seconds(process: int) -> float:
    """Processor time of a process."""
    user, system = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _step(metrics: Path) -> int:
    """The newest adversarial step on record; 0 before the first."""
    record = json.loads(metrics.read_text("utf-8").rstrip().rpartition("\n")[2])
    return int(record["step"]) if record["phase"] == "adversarial" else 0


def _quarters(values: Sequence[float]) -> tuple[float, float]:
    """Medians of the second and of the last quarter."""
    quarter = len(values) // 4
    return median(values[quarter : 2 * quarter]), median(values[3 * quarter :])


def main() -> int:
    """Prints what was used; 1 if something grew."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20)
    with tempfile.TemporaryDirectory() as folder:
        used = watch(parser.parse_args().minutes, Path(folder))
    print(
        f"{used.steps} steps in {used.minutes:g} minutes; from the second quarter to the last: memory "
        f"{used.megabytes[0]:.1f} to {used.megabytes[1]:.1f} MB, open files {used.files[0]:g} to {used.files[1]:g}, "
        f"processor time a step {used.milliseconds[0]:.2f} to {used.milliseconds[1]:.2f} ms; "
        f"{'flat' if used.is_flat else 'NOT flat'}"
    )
    return 0 if used.is_flat else 1


if __name__ == "__main__":
    sys.exit(main())
