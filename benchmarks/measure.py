"""Every measurement: what is run, how often, and which figures are kept."""

import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.agreement import largest_difference
from benchmarks.data import HEIGHT, WIDTH, Data
from benchmarks.peak import Peak
from benchmarks.process import ROOT, records

PHASES = ("refiner_pretrain", "discriminator_pretrain", "adversarial")
_OURS = (sys.executable, "-m", "benchmarks.ours")


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    batch: int
    fewest_pairs: int
    most_pairs: int
    minutes: float
    """Once all pairs together have taken this many minutes, no further pair starts."""
    preset_steps: tuple[int, int, int]
    """Timed steps of each phase in the presets with small batches: enough that the data are kept in memory, as in a
    whole training."""
    images: int
    sizes: tuple[str, ...]
    """HxW of the images for the cost against image size, with batches of `size_batch`."""
    size_batch: int
    batches: tuple[int, ...]
    """Batch sizes for the cost against batch size, with images of 35x55."""
    cost_steps: int
    """Timed updates of each cost, after one that is not timed: with small batches memory is new for longer."""
    repeats: int
    help_repeats: int


WHOLE = Plan(
    batch=512,
    fewest_pairs=2,
    most_pairs=5,
    minutes=5.0,
    preset_steps=(40, 40, 80),
    images=1024,
    sizes=("35x55", "64x64", "128x128", "224x224"),
    size_batch=16,
    batches=(16, 64, 256, 512),
    cost_steps=3,
    repeats=2,
    help_repeats=10,
)
QUICK = Plan(
    batch=16,
    fewest_pairs=1,
    most_pairs=1,
    minutes=0.0,
    preset_steps=(4, 4, 4),
    images=64,
    sizes=("35x55", "64x64"),
    size_batch=4,
    batches=(4, 16),
    cost_steps=1,
    repeats=1,
    help_repeats=2,
)


@dataclass(frozen=True)
class Pair:
    """Seconds of the steps of each phase, of the textbook loop and of simgan (ours), run one after the other."""

    textbook: dict[str, list[float]]
    ours: dict[str, list[float]]
    waiting: dict[str, list[float]]
    """Share of our steps spent waiting for data."""

    def ratio(self, phase: str) -> float:
        """The speed of ours as a multiple of the textbook's."""
        return statistics.median(self.textbook[phase]) / statistics.median(self.ours[phase])


@dataclass
class Results:
    """What was measured; fields that were not measured are empty."""

    difference: float | None = None
    """Largest difference between the losses of the textbook and ours."""
    precision: str = "float32"
    """Precision of our convolutions."""
    pairs: list[Pair] = field(default_factory=list)
    presets: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    """Seconds a step by preset and phase."""
    waiting: dict[str, float] = field(default_factory=dict)
    """Share of the time spent waiting for data, by preset."""
    peaks: list[Peak] = field(default_factory=list)
    refining: dict[str, list[float]] = field(default_factory=dict)
    """Images/s, by formats and filters."""
    cost: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    """Seconds of an update of R by program and HxW:batch."""
    commands: dict[str, list[float]] = field(default_factory=dict)
    """Seconds by command line."""
    gpu: dict[str, Any] | None = None


def measure_agreement(textbook: Path, folder: Path, results: Results) -> None:
    """Compares the losses of both programs for the same weights."""
    results.difference = largest_difference(textbook, folder, HEIGHT, WIDTH)


def measure_pairs(plan: Plan, data: Data, textbook: Path, results: Results) -> None:
    """Times the textbook loop and ours in turn, A B A B."""
    steps = ["--batch", str(plan.batch), "--steps", "1", "1", "1"]  # more pairs tell more than longer ones
    theirs = [textbook, "benchmarks/textbook.py", "time", *_data(data.synthetic_npy, data.real_npy), *steps]
    ours = [*_OURS, "time", *_data(data.synthetic, data.real), *steps]
    started = time.perf_counter()
    while len(results.pairs) < plan.most_pairs:
        if len(results.pairs) >= plan.fewest_pairs and time.perf_counter() - started > 60 * plan.minutes:
            break
        textbook_records, our_records = records(theirs), records(ours)
        results.precision = our_records[0]["precision"]
        waiting = _grouped(our_records, "phase", "waiting")
        results.pairs.append(
            Pair(_grouped(textbook_records, "phase", "seconds"), _grouped(our_records, "phase", "seconds"), waiting)
        )
    shares = [
        (seconds, share)
        for pair in results.pairs
        for phase in PHASES
        for seconds, share in zip(pair.ours[phase], pair.waiting[phase], strict=True)
    ]
    results.waiting["reference"] = _share_waiting(shares)


def measure_presets(plan: Plan, data: Data, results: Results) -> None:
    """Times ours alone: steps of presets with small batches."""
    for name in ("wide", "default"):
        steps = [
            "--preset",
            name,
            "--steps",
            *map(str, plan.preset_steps),
            "--log-every",
            str(plan.preset_steps[0] // 4 or 1),
        ]
        found = records([*_OURS, "time", *_data(data.synthetic, data.real), *steps])
        results.presets[name] = _grouped(found, "phase", "seconds")
        results.waiting[name] = _share_waiting([(record["seconds"], record["waiting"]) for record in found])


def measure_peaks(results: Results) -> None:
    """Measures the peak rate of PyTorch's convolutions."""
    results.peaks = [Peak(**record) for record in records([sys.executable, "-m", "benchmarks.peak"])]


def measure_refining(plan: Plan, data: Data, results: Results) -> None:
    """Times refining HDF5 to HDF5 with 64 and 32 filters, and PNG to PNG with 64."""
    for preset, filters, sources in (("reference", 64, [data.synthetic, data.png]), ("default", 32, [data.synthetic])):
        command = [*_OURS, "refine", *sources, "--preset", preset, "--repeats", str(plan.repeats)]
        for source, rates in _grouped(records(command), "source", "images_per_second").items():
            kind = "folder of PNG" if source == data.png.name else "HDF5"
            results.refining[f"{kind} to {kind}, {filters} filters"] = rates


def measure_cost(plan: Plan, textbook: Path, results: Results) -> None:
    """Times an update of R for several sizes of images and batches."""
    points = dict.fromkeys(
        [f"{size}:{plan.size_batch}" for size in plan.sizes] + [f"{HEIGHT}x{WIDTH}:{batch}" for batch in plan.batches]
    )
    for name, program in (("textbook", [textbook, "benchmarks/textbook.py"]), ("simgan", [*_OURS])):
        results.cost[name] = _grouped(
            records([*program, "cost", *points, "--steps", str(plan.cost_steps)]), "point", "seconds"
        )


def measure_commands(plan: Plan, data: Data, results: Results) -> None:
    """Measures the wall time of commands that should answer at once."""
    for arguments, shown, repeats in (
        (["--help"], "simgan --help", plan.help_repeats),
        (["check", str(data.png)], f"simgan check, a folder of {data.count} PNG", plan.repeats),
    ):
        for _ in range(repeats):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-m", "simgan", *arguments], cwd=ROOT, capture_output=True, check=True)
            results.commands.setdefault(shown, []).append(time.perf_counter() - start)


def measure_gpu(data: Data, results: Results) -> None:
    """Times a whole training with the preset `reference`, where there is a CUDA GPU."""
    import torch

    if torch.cuda.is_available():
        (results.gpu,) = records([*_OURS, "schedule", *_data(data.synthetic, data.real)], gpu=True)


def _data(synthetic: Path, real: Path) -> list[str | Path]:
    return ["--synthetic", synthetic, "--real", real]


def _grouped(found: list[dict[str, Any]], key: str, value: str) -> dict[str, list[float]]:
    groups: dict[str, list[float]] = {}
    for record in found:
        groups.setdefault(record[key], []).append(record[value])
    return groups


def _share_waiting(shares: list[tuple[float, float]]) -> float:
    return sum(seconds * share for seconds, share in shares) / sum(seconds for seconds, _ in shares)
