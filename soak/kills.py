"""Kills trainings with SIGKILL and resumes them: the result must be, bit for bit, that of an undisturbed training.

    python -m soak.kills --kills 100 --seed 0

Every second kill comes at a random moment; the others at a random file operation (opening, renaming, removing, making
a folder), just before it is done, so that the few microseconds between two of them are tried as well. Processes are
forked from one that has imported everything and compiled the kernels, so that time goes into training, not into
starting.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors.numpy import load_file

import simgan
import simgan.engines.torch.engine  # before the fork, as a training imports it when it begins
from simgan.engines.torch.winograd import applies
from simgan.settings.config import TrainConfig, make_config
from simgan.training.train import resume, train

_SETTINGS = {
    "batch_size": 4,
    "refiner_pretrain_steps": 6,
    "discriminator_pretrain_steps": 4,
    "steps": 12,
    "refiner_updates": 1,
    "refiner": {"filters": 4, "blocks": 1},
    "history_size": 24,
    "log_every": (4, 3, 5),
    "sample_every": 4,
    "self_regularisation": 0.5,
    "drift_budget": 0.05,
    "refiner_average": 0.9,
    "refiner_optimiser": {"name": "adam"},
    "flip": True,
    "jitter": 1,
    "precision": "float32",
    "micro_batch": 4,
    "compile": "off",
    "checkpoint_every": "1",
}
_EVENTS = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree")


class Survived(NamedTuple):
    """How many trainings were killed, and how they ended."""

    kills: int
    trainings: int
    """Trainings that were killed and resumed until they finished."""
    differ: int
    """Trainings whose result differs from that of the training that was not killed. The promise is 0."""


def survive(kills: int, seed: int, folder: Path, say: Callable[[str], None] = lambda line: None) -> Survived:
    """Kills trainings in `folder`, which exists, `kills` times in all, and lets each come to its end."""
    draw = random.Random(seed)
    synthetic, real = folder / "synthetic.npy", folder / "real.npy"
    pixels = np.random.default_rng(seed)
    np.save(synthetic, pixels.integers(0, 256, (24, 8, 8), np.uint8))
    np.save(real, pixels.integers(0, 128, (20, 8, 8), np.uint8))
    config = make_config(_SETTINGS)
    applies(filters=16, kernel_size=3)  # compiles the kernels, once for all processes
    started = time.monotonic()
    if _forked(_train, config, synthetic, real, folder / "unharmed", None).wait() != 0:
        raise RuntimeError("the unharmed training failed")
    seconds = time.monotonic() - started
    expected = _outcome(folder / "unharmed")
    done = trainings = differ = 0
    while done < kills:
        run = folder / "run"
        trainings += 1
        while True:
            by_event = done % 2 == 1 and done < kills
            process = _forked(_train, config, synthetic, real, run, draw.randrange(400) if by_event else None)
            if done < kills and not by_event:
                time.sleep(draw.uniform(0, 0.7) * seconds)
                process.kill()
            code = process.wait()
            if code == 0:
                break
            if code != -signal.SIGKILL:
                raise RuntimeError(f"after {done} kills, going on failed")
            done += 1
            say(f"kill {done} of {kills}")
        same = _outcome(run) == expected
        differ += not same
        shutil.rmtree(run)
        if not same:
            say(f"training {trainings} came out otherwise")
    return Survived(done, trainings, differ)


def _train(config: TrainConfig, synthetic: Path, real: Path, run: Path, at_event: int | None) -> None:
    if at_event is not None:
        seen = 0

        def count(event: str, arguments: object) -> None:
            nonlocal seen
            if event in _EVENTS:
                seen += 1
                if seen > at_event:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
    if run.exists():
        if not simgan.runs.run.is_finished(run):
            resume(run)
    else:
        train(config, synthetic, real, run)


class _Process:
    def __init__(self, number: int) -> None:
        self._number = number

    def kill(self) -> None:
        os.kill(self._number, signal.SIGKILL)

    def wait(self) -> int:
        """0, a positive exit code, or minus the signal."""
        return os.waitstatus_to_exitcode(os.waitpid(self._number, 0)[1])


def _forked(work: Callable[..., None], *arguments: object) -> _Process:
    number = os.fork()
    if number == 0:
        try:
            work(*arguments)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return _Process(number)


def _outcome(run: Path) -> dict[str, bytes]:
    """Everything that a training wrote, as bytes."""
    newest = max((run / "checkpoints").iterdir())
    arrays = load_file(newest / "arrays.safetensors")
    # Speeds differ, and so does the date; the models are those of the checkpoint.
    records = [
        {k: v for k, v in record.items() if k not in ("steps_per_second", "waiting_for_data")}
        for record in simgan.Run.open(run).metrics()
    ]
    return {name: array.tobytes() for name, array in arrays.items()} | {
        "position": newest.name.encode(),
        "records": repr(records).encode(),
    }


def main() -> int:
    """Prints how many were survived; 1 if any training came out otherwise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = survive(given.kills, given.seed, Path(folder), lambda line: print(line, flush=True))
    print(f"{found.kills} kills in {found.trainings} trainings; {found.differ} came out otherwise")
    return 1 if found.differ else 0


if __name__ == "__main__":
    sys.exit(main())
