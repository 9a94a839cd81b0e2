"""Jobs that take minutes to hours and leave a JSON file each: several run at once, and finished ones are kept."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Protocol, TypeVar

from simgan import Run
from simgan.errors import RunError

Record = dict[str, Any]


class NamedJob(Protocol):
    """A job, known by its name."""

    @property
    def name(self) -> str:
        """Name of the job's files."""


Job = TypeVar("Job", bound=NamedJob)


def write_record(folder: Path, job: NamedJob, record: Record) -> None:
    """Leaves `<name>.json` in `folder`, whole or not at all."""
    partial = folder / f".{job.name}.json.partial"
    partial.write_text(json.dumps(record), encoding="utf-8")
    partial.replace(folder / f"{job.name}.json")


def finished_or_trained(out: Path, train: Callable[[Path], Run]) -> Run:
    """The run of an earlier job that was stopped after its training, or a new one."""
    try:
        return Run.open(out)
    except RunError:
        shutil.rmtree(out, ignore_errors=True)
        return train(out)


def run_jobs(
    wanted: Sequence[Job],
    is_done: Callable[[Job], bool],
    command: Callable[[Job], list[str]],
    after_each: Callable[[], None],
) -> None:
    """Runs the jobs that are not done, one on each core: two side by side are faster than one after the other.

    Prints a line when a job ends. Exits with their names if jobs failed, after all have run.

    Args:
        wanted: all jobs, in order.
        is_done: whether a job has left its results before.
        command: the command line of a job, after `python -m`.
        after_each: called when a job has ended, and once more at the end.
    """
    missing = [job for job in wanted if not is_done(job)]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    print(f"{len(wanted)} jobs, {len(wanted) - len(missing)} done before; {cores} at a time", flush=True)
    started = time.perf_counter()
    failed = []
    with ThreadPoolExecutor(cores) as pool:
        running = {pool.submit(_in_a_process, command(job)): job for job in missing}
        for done, future in enumerate(as_completed(running), start=1):
            job, (seconds, result) = running[future], future.result()
            if result.returncode:
                failed.append(job.name)
                print(f"{job.name} failed: {result.stderr.strip().splitlines()[-1:]}", flush=True)
            left = (time.perf_counter() - started) / done * (len(missing) - done)
            took = f"{seconds / 60:.1f} minutes; about {left / 60:.0f} minutes left"
            print(f"{done}/{len(missing)} {job.name}: {took}", flush=True)
            after_each()
    after_each()
    if failed:
        sys.exit(f"{len(failed)} jobs failed: {', '.join(failed)}; run the command again: finished jobs are kept")


def _in_a_process(command: list[str]) -> tuple[float, subprocess.CompletedProcess[str]]:
    """Seconds that the command took, and how it ended."""
    single = os.environ | {"OMP_NUM_THREADS": "1"}
    started = time.perf_counter()
    arguments = [sys.executable, "-m", *command]
    result = subprocess.run(arguments, env=single, capture_output=True, text=True, check=False)
    return time.perf_counter() - started, result
