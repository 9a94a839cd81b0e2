"""Times simgan from outside: by the log of a real `train`, input included, and by refining real data sets.

    python -m benchmarks.ours time --synthetic x.h5 --real y.h5 --preset wide --steps 12 12 24 --log-every 4
    python -m benchmarks.ours cost 35x55:16 64x64:16
    python -m benchmarks.ours refine x.h5 pngs/ --preset default
    python -m benchmarks.ours schedule --synthetic x.h5 --real y.h5

Each prints one JSON object a line.
"""

import argparse
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.data import HEIGHT, WIDTH, make_noise
from simgan import PRESETS, Run, TrainConfig, open_images, train
from simgan.engines.automatic import resolve
from simgan.refining.data_set import refine_data_set
from simgan.settings.config import make_config

_PHASES = ("refiner_pretrain", "discriminator_pretrain", "adversarial")


def timed_config(config: TrainConfig, steps: tuple[int, int, int], log_every: int) -> TrainConfig:
    """`config` with `steps` timed steps in each phase after one log interval that is not timed; 0 leaves a phase out.

    R and D are compiled if a whole training with `config` would compile them.
    """
    lengths = [count + log_every if count else 0 for count in steps]
    return make_config(
        {
            "refiner_pretrain_steps": lengths[0],
            "discriminator_pretrain_steps": lengths[1],
            "steps": lengths[2],
            "log_every": (log_every,) * 3,
            "compile": resolve(config, (HEIGHT, WIDTH), 1).compile,
        },
        config,
    )


def time_phases(config: TrainConfig, synthetic: Path, real: Path) -> None:
    """Prints the seconds of a step in each log interval but the first, and the share of them spent waiting."""
    with TemporaryDirectory() as folder:
        run = train(config, synthetic, real, Path(folder) / "run")
        for phase in _PHASES:
            intervals = [record for record in run.metrics() if record["phase"] == phase]
            for record in intervals[1:]:  # the first includes what happens once: compiling, and first use of memory
                show(
                    phase=phase,
                    seconds=1 / record["steps_per_second"],
                    waiting=record["waiting_for_data"],
                    precision=run.config.precision,
                )


def time_refiner(points: list[str], steps: int) -> None:
    """Prints the seconds of an update of R at each HxW:batch."""
    for point in points:
        size, batch_size = point.split(":")
        height, width = map(int, size.split("x"))
        base = make_config({"batch_size": int(batch_size), "sample_every": 1000, "compile": "off"})
        with TemporaryDirectory() as folder:
            noise = make_noise(Path(folder) / "noise.npy", max(8, int(batch_size)), height, width)
            run = train(timed_config(base, (steps, 0, 0), 1), noise, noise, Path(folder) / "run")
            for record in run.metrics()[1:]:
                show(point=point, seconds=1 / record["steps_per_second"])


def time_refining(config: TrainConfig, sources: list[Path], repeats: int) -> None:
    """Prints images/s of refining whole data sets, files read and written."""
    untrained = make_config({"refiner_pretrain_steps": 0, "discriminator_pretrain_steps": 0, "steps": 0}, config)
    with TemporaryDirectory() as name:
        folder = Path(name)
        noise = make_noise(folder / "noise.npy", max(64, config.batch_size), HEIGHT, WIDTH)
        run = train(untrained, noise, noise, folder / "run")
        _refine_rate(run, noise, folder / "warm.npy")
        for source in sources:
            for repeat in range(repeats):
                out = folder / f"{source.name}-{repeat}{source.suffix}"
                show(source=source.name, images_per_second=_refine_rate(run, source, out))


def _refine_rate(run: Run, path: Path, out: Path) -> float:
    with open_images(path) as source:
        start = time.perf_counter()
        refine_data_set(run, source, out)
        return len(source) / (time.perf_counter() - start)


def time_schedule(config: TrainConfig, synthetic: Path, real: Path) -> None:
    """Prints the seconds of a whole training on a GPU, and the most of its memory that tensors took, in GiB."""
    import torch

    with TemporaryDirectory() as folder:
        start = time.perf_counter()
        train(config, synthetic, real, Path(folder) / "run")
        seconds = time.perf_counter() - start
    show(seconds=seconds, memory=torch.cuda.max_memory_allocated() / 2**30, gpu=torch.cuda.get_device_name())


def show(**values: Any) -> None:
    """One JSON object on one line."""
    print(json.dumps(values), flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Times simgan.")
    commands = parser.add_subparsers(dest="command", required=True)
    timing = commands.add_parser("time", help="seconds of each step of the three phases")
    timing.add_argument("--batch", type=int)
    timing.add_argument("--steps", type=int, nargs=3, default=[1, 1, 1], help="timed steps of each phase")
    timing.add_argument("--log-every", type=int, default=1)
    cost = commands.add_parser("cost", help="seconds of an update of R at each size and batch")
    cost.add_argument("points", nargs="+", metavar="HxW:BATCH")
    cost.add_argument("--steps", type=int, default=1)
    refining = commands.add_parser("refine", help="images/s of refining data sets")
    refining.add_argument("sources", nargs="+", type=Path)
    refining.add_argument("--repeats", type=int, default=3)
    schedule = commands.add_parser("schedule", help="the whole training")
    for command in (timing, schedule):
        command.add_argument("--synthetic", type=Path, required=True)
        command.add_argument("--real", type=Path, required=True)
    for command in (timing, refining, schedule):
        command.add_argument("--preset", choices=PRESETS, default="reference")
    given = parser.parse_args()
    if given.command == "cost":
        return time_refiner(given.points, given.steps)
    config = PRESETS[given.preset].config
    if given.command == "refine":
        return time_refining(config, given.sources, given.repeats)
    if given.command == "schedule":
        return time_schedule(config, given.synthetic, given.real)
    if given.batch:
        config = make_config({"batch_size": given.batch}, config)
    return time_phases(timed_config(config, tuple(given.steps), given.log_every), given.synthetic, given.real)


if __name__ == "__main__":
    main()
