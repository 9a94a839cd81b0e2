"""Runs a measurement in a process of its own, so that measurements do not influence each other."""

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
        gpu: whether the command may use a GPU; comparisons are between CPUs.

    Raises:
        RuntimeError: the command failed; the message ends with the end of its stderr.
    """
    # TensorFlow ignores OMP_NUM_THREADS; without this variable both programs use every core.
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
