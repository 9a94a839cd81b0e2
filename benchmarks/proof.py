"""Measures every figure of the README and the paper's ablations, with intervals over seeds.

    python -m benchmarks.proof --folder runs/proof --out docs/results.md [--photographs DIR]

Only the jobs that have not finished run, and those that an older version scored. Prints how long they will take, and
writes the tables after each job.
--photographs: a folder with gaze.h5 (synthetic, label iris_xy) and real_gaze.h5, which are not part of this project.
"""

import argparse
import time
from pathlib import Path

from benchmarks.jobs import finished_or_trained, run_jobs, write_record
from benchmarks.proof_data import make_domain
from benchmarks.proof_jobs import SEEDS, VARIANTS, Job, jobs
from benchmarks.proof_table import read_record, write_tables
from simgan import PRESETS, open_images, train
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
    run = finished_or_trained(folder / job.name, lambda out: train(config, synthetic, real, out))
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
    write_record(folder, job, record)


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
    given.folder.mkdir(parents=True, exist_ok=True)
    run_jobs(
        wanted,
        lambda job: read_record(given.folder, job) is not None,
        lambda job: _command(job, given.folder, given.photographs),
        lambda: write_tables(given.folder, given.out),
    )


def _command(job: Job, folder: Path, photographs: Path | None) -> list[str]:
    """The command line of one job, after `python -m`."""
    command = ["benchmarks.proof", "--folder", str(folder), "--job", job.domain, job.variant, str(job.seed)]
    return command + (["--photographs", str(photographs)] if photographs else [])


if __name__ == "__main__":
    main()
