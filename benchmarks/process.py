"""Runs a measurement in a process of its own, so that none warms up or crowds another."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def records(command: Sequence[str | Path], *, gpu: bool = False) -> list[dict[str, Any]]:
    """The JSON objects that a command prints, one a line; run in the root of the project.

    Args:
        command: program and arguments.
        gpu: whether it may see a GPU; comparisons are of processors.

    Raises:
        RuntimeError: it failed; the message ends with what it said.
    """
    # TensorFlow pays no heed to OMP_NUM_THREADS: without it both programs use every core.
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    if not gpu:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {done.returncode}: {done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
