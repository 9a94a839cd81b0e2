"""Measures every figure of the README and the paper's ablations, with intervals over seeds.

    python -m benchmarks.proof --folder runs/proof --out docs/results.md [--photographs DIR]

Finished jobs are kept, and only the others run; those that an older version scored are scored anew. Says how long
they will take; writes the tables after each job.
--photographs: a folder with gaze.h5 (synthetic, label iris_xy) and real_gaze.h5, which are not part of this project.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from benchmarks.proof_data import make_domain
from benchmarks.proof_jobs import SEEDS, VARIANTS, Job, jobs
from benchmarks.proof_table import read_record, write_tables
from simgan import PRESETS, Run, open_images, train
from simgan.errors import RunError
from simgan.evaluation.evaluate import EvaluateConfig, evaluate
from simgan.evaluation.results import Evaluation
from simgan.settings.config import make_config
from simgan.settings.presets import PresetName

_DOMAINS = ("camera", "signs", "digits", "nearer")
_PRESET: dict[str, PresetName] = {"photographs": "wide"}
_LABEL = {"camera": "gaze", "nearer": "gaze", "digits": "digit", "signs": "digit"}
_WRITING = ("digits", "signs")


def run_job(job: Job, folder: Path, photographs: Path | None) -> None:
    """Trains, evaluates, and leaves `<name>.json` in `folder`."""
    data = photographs if job.domain == "photographs" and photographs else folder / "data" / job.domain
    suffix = ".h5" if job.domain == "photographs" else ".npz"
    names = ("gaze", "real_gaze") if job.domain == "photographs" else ("synthetic", "real")
    synthetic, real = (data / f"{name}{suffix}" for name in names)
    settings = VARIANTS[job.variant] | {"seed": job.seed} | ({"flip": False} if job.domain in _WRITING else {})
    config = make_config(settings, PRESETS[_PRESET.get(job.domain, "default")].config)
    started = time.perf_counter()
    run = _trained(folder / job.name, lambda out: train(config, synthetic, real, out))
    scoring = EvaluateConfig(label=_LABEL.get(job.domain), seeds=1, seed=job.seed)
    if job.domain == "photographs":
        found: Evaluation = evaluate(run, config=scoring)
    else:
        with open_images(data / "test.npz", key="image") as test:
            found = evaluate(run, real_test=test, config=scoring)
    record = {
        "seconds": time.perf_counter() - started,
        "date": time.strftime("%Y-%m-%d"),
        "last": run.metrics()[-1],
        "evaluation": found.model_dump(mode="json"),
    }
    partial = folder / f".{job.name}.json.partial"
    partial.write_text(json.dumps(record), encoding="utf-8")
    partial.replace(folder / f"{job.name}.json")


def _trained(out: Path, train: Callable[[Path], Run]) -> Run:
    """The run of an earlier proof that was stopped while it scored, or a new one."""
    try:
        return Run.open(out)
    except RunError:
        shutil.rmtree(out, ignore_errors=True)
        return train(out)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Trainings and evaluations, with intervals over seeds.")
    parser.add_argument("--folder", type=Path, default=Path("runs/proof"))
    parser.add_argument("--out", type=Path, default=Path("docs/results.md"))
    parser.add_argument("--photographs", type=Path)
    parser.add_argument("--domains", nargs="+", default=list(_DOMAINS))
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--seeds", type=int, help="seeds of each variant, at most")
    parser.add_argument("--job", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.job:
        run_job(Job(given.job[0], given.job[1], int(given.job[2])), given.folder, given.photographs)
        return
    domains = [*given.domains, *(["photographs"] if given.photographs else [])]
    for domain in domains:
        if domain != "photographs":
            make_domain(domain, given.folder / "data" / domain)
    seeds = SEEDS if given.seeds is None else given.seeds
    wanted = [job for job in jobs(domains) if job.seed < seeds and job.variant in given.variants]
    _run_all(wanted, given.folder, given.out, given.photographs)


def _run_all(wanted: list[Job], folder: Path, out: Path, photographs: Path | None) -> None:
    """Runs one job on each core: two trainings side by side are faster than one after the other on two cores."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [job for job in wanted if read_record(folder, job) is None]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    print(f"{len(wanted)} jobs, {len(wanted) - len(missing)} done before; {cores} at a time", flush=True)
    started = time.perf_counter()

    def in_a_process(job: Job) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "benchmarks.proof", "--folder", str(folder)]
        command += ["--job", job.domain, job.variant, str(job.seed)]
        command += ["--photographs", str(photographs)] if photographs else []
        single = os.environ | {"OMP_NUM_THREADS": "1"}
        return subprocess.run(command, env=single, capture_output=True, text=True, check=False)

    failed = []
    with ThreadPoolExecutor(cores) as pool:
        running = {pool.submit(in_a_process, job): job for job in missing}
        for done, future in enumerate(as_completed(running), start=1):
            job, result = running[future], future.result()
            if result.returncode:
                failed.append(job.name)
                print(f"{job.name} failed: {result.stderr.strip().splitlines()[-1:]}", flush=True)
            left = (time.perf_counter() - started) / done * (len(missing) - done)
            print(f"{done}/{len(missing)} {job.name}; about {left / 60:.0f} minutes left", flush=True)
            write_tables(folder, out)
    write_tables(folder, out)
    if failed:
        sys.exit(f"{len(failed)} jobs failed: {', '.join(failed)}; run the command again: finished jobs are kept")


if __name__ == "__main__":
    main()
