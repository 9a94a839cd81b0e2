"""Compares refined images with everything that needs no refiner, on public digits and on this project's own data.

    make benchmarks USPS=path/to/usps.h5
    python -m benchmarks.benchmarks --usps path/to/usps.h5 --folder runs/benchmarks --out docs/benchmarks.md

A job runs only if it has not finished, or if it was measured with other settings. Changes of the code are not noticed:
after a change that alters results, give another --folder, or remove the records (*.json) in the folder.
"""

import argparse
from pathlib import Path

from benchmarks.benchmarks_domains import DOMAINS, NEED_USPS, make_data
from benchmarks.benchmarks_jobs import PARTS, Job, Options, data_folder, run_job
from benchmarks.benchmarks_table import write_page
from benchmarks.jobs import run_jobs
from benchmarks.proof_jobs import SEEDS
from simgan.settings.records import read_settings

_PAGE = Path("docs/benchmarks.md")


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    given = _parser().parse_args(arguments)
    settings = read_settings(given.config)[0] if given.config else None
    options = Options(given.images, given.estimator_steps, settings)
    if given.job:
        domain, part, seed = given.job
        run_job(Job(domain, part, int(seed)), given.folder, options)
        return
    is_trial = given.images is not None or given.estimator_steps is not None or settings is not None
    out = given.out or (given.folder / _PAGE.name if is_trial else _PAGE)
    if not given.table_only:
        _run(given, options, out)
    write_page(given.folder, out)
    print(f"written: {out}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Compares refined images with free alternatives, with intervals over seeds."
    )
    parser.add_argument("--folder", type=Path, default=Path("runs/benchmarks"), help="data, runs and records")
    parser.add_argument("--out", type=Path, help=f"page to write; by default {_PAGE}, in --folder for a trial")
    parser.add_argument("--usps", type=Path, help="usps.h5: groups train and test, each with data (N, 256) and target")
    parser.add_argument("--domains", nargs="+", choices=DOMAINS, default=list(DOMAINS))
    parser.add_argument("--seeds", type=int, choices=range(1, SEEDS + 1), default=SEEDS, help="number of seeds")
    parser.add_argument("--images", type=int, help="for a trial: largest number of images")
    parser.add_argument("--estimator-steps", type=int, help="for a trial: training steps of each estimator")
    parser.add_argument("--config", type=Path, help="for a trial: a TOML file of settings of the training")
    parser.add_argument("--table-only", action="store_true", help="run nothing: only write the page")
    parser.add_argument("--job", nargs=3, help=argparse.SUPPRESS)
    return parser


def _run(given: argparse.Namespace, options: Options, out: Path) -> None:
    """Makes the data, and runs the jobs that are missing: all domains with one seed before the next seed."""
    skipped = [domain for domain in given.domains if domain in NEED_USPS and given.usps is None]
    if skipped:
        print(f"skipped: {', '.join(skipped)}; they need a file of USPS digits: make benchmarks USPS=path/to/usps.h5")
    domains = [domain for domain in given.domains if domain not in skipped]
    for domain in domains:
        make_data(domain, data_folder(given.folder, domain, options), given.usps, options.images)
    run_jobs(
        [Job(domain, part, seed) for seed in range(given.seeds) for domain in domains for part in PARTS],
        lambda job: options.is_done(given.folder, job),
        lambda job: _command(job, given),
        lambda: write_page(given.folder, out),
    )


def _command(job: Job, given: argparse.Namespace) -> list[str]:
    """The command line of one job, after `python -m`."""
    command = ["benchmarks.benchmarks", "--folder", str(given.folder), "--job", job.domain, job.part, str(job.seed)]
    for option in ("images", "estimator_steps", "config"):
        if (value := getattr(given, option)) is not None:
            command += [f"--{option.replace('_', '-')}", str(value)]
    return command


if __name__ == "__main__":
    main()
