"""`make mutate`: does a test fail for each small change (mutant) of the code? Prints a score for each module.

mutmut makes the mutants, loads the tests once and forks for each mutant. It changes neither decorated functions nor
constants outside functions. Its work stays in build/mutate/MODULE: there `mutmut show NAME` shows a mutant, and
survivors.txt lists the mutants that no test noticed.

    make mutate                                             all modules of the table below
    make mutate MODULES="training/budget evaluation/kid"    only these modules
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "mutate"
PACKAGE, TESTS = Path("src", "simgan"), Path("tests")

_MUTATED: dict[str, tuple[str, ...]] = {
    "evaluation": (
        *("augmentation", "bootstrap", "comparison", "contenders", "data_set_drift", "distances", "downstream"),
        *("drift", "estimator", "evaluate", "features", "kept_labels", "kid", "label_distribution", "localiser"),
        "refined_sample",
        *("results", "same_classes", "sample_drift", "shared_label", "sliced_wasserstein", "structural"),
        *("two_sample", "voting"),
    ),
    "framing": ("displacement",),
    "models": ("losses",),
    "refining": ("quarantine", "spool"),
    "tasks": (
        *("average_precision", "boxes", "choice", "dense_networks", "detection", "lost_label", "networks"),
        *("photometric", "points", "segmentation", "task", "user_model"),
    ),
    "training": ("budget", "checkpoint", "history", "steps"),
}
"""Packages, and those of their modules that are mutated."""

TESTED_BY: dict[str, tuple[str, ...]] = {
    f"{package}/{name}": (f"{package}/test_{name}.py",) for package, names in _MUTATED.items() for name in names
}
"""Modules of simgan, and the test files that are run for each of their mutants."""

LEFT_OUT: dict[str, tuple[str, ...]] = {
    "evaluation/bootstrap": ("test_many_test_images_need_no_table_of_all_resamples",),
    "evaluation/data_set_drift": ("test_a_label_of_points_finds_that_content_moved",),
    "evaluation/distances": ("test_images_that_became_like_the_real_ones_are_nearer_by_every_measure",),
    "evaluation/downstream": ("test_refined_images_that_are_like_the_real_ones_win",),
    "evaluation/drift": ("test_drift_of_squares_is_what_they_were_moved",),
    "evaluation/localiser": ("test_localiser_finds_points_whatever_the_appearance_and_beyond_the_border",),
    "evaluation/sliced_wasserstein": ("test_interval_is_as_wide_as_sets_of_that_size_vary",),
    "framing/displacement": ("test_movement_in_a_large_image_is_in_its_own_pixels",),
}
"""Tests of a module that are not run for its mutants, because each takes several seconds."""

KILLED = frozenset({"killed", "timeout", "segfault"})


def main() -> int:
    """Mutates the modules named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"any of {', '.join(TESTED_BY)}")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="mutants tested at once; default: number of processors"
    )
    chosen = parser.parse_args()
    if unknown := [module for module in chosen.modules if module not in TESTED_BY]:
        parser.error(f"MODULE: expected names of the table in {Path(__file__).name}, received {', '.join(unknown)}")
    print(f"{'module':34}{'mutants':>8}{'killed':>8}{'survived':>9}{'not run':>8}{'score':>7}")
    total: Counter[str] = Counter()
    for module in chosen.modules or TESTED_BY:
        try:
            statuses = mutate(module, chosen.jobs)
        except RuntimeError as error:
            print(f"{module:34}{error}", flush=True)
            total["failed"] += 1
            continue
        total.update(statuses.values())
        print(row(module, statuses.values()), flush=True)
    failed = total.pop("failed", 0)
    print(row("all", total.elements()))
    print(f"mutants that no test noticed: {WORK.relative_to(ROOT)}/MODULE/survivors.txt")
    return 1 if failed else 0


def mutate(module: str, jobs: int) -> dict[str, str]:
    """Mutates a module; returns the status of each mutant, by its name.

    Raises:
        RuntimeError: mutmut made no mutants, or the tests fail without any.
    """
    folder = WORK / module.replace("/", ".")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for copied in ("src", "tests", "benchmarks", "soak", "tools"):
        shutil.copytree(ROOT / copied, folder / copied, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text("utf-8") + settings(module), "utf-8")
    done = _mutmut(folder, "run", "--max-children", str(jobs))
    (folder / "output.txt").write_text(done.stdout + done.stderr, "utf-8")
    statuses = read_statuses(_mutmut(folder, "results", "--all", "true").stdout)
    if done.returncode or not statuses or "not checked" in statuses.values():
        raise RuntimeError(f"failed: see {(folder / 'output.txt').relative_to(ROOT)}")
    missed = [name for name, status in statuses.items() if status not in KILLED]
    diffs = [_mutmut(folder, "show", name).stdout for name in missed]
    (folder / "survivors.txt").write_text("\n".join(diffs), "utf-8")
    return statuses


def settings(module: str) -> str:
    """mutmut's section of pyproject.toml."""
    tests = [str(TESTS / name) for name in TESTED_BY[module]]
    left_out = [f"--deselect={tests[0]}::{name}" for name in LEFT_OUT.get(module, ())]
    return (
        "\n[tool.mutmut]\n"
        'source_paths = ["src"]\n'
        f'only_mutate = ["{PACKAGE / module}.py"]\n'
        f"pytest_add_cli_args_test_selection = {tests!r}\n"
        f"pytest_add_cli_args = {left_out!r}\n"
        'also_copy = ["benchmarks", "soak", "tools"]\n'
    )


def read_statuses(results: str) -> dict[str, str]:
    """What `mutmut results --all true` prints, a line `name: status` for each mutant."""
    pairs = (line.strip().rpartition(": ") for line in results.splitlines())
    return {name: status for name, colon, status in pairs if colon}


def row(module: str, statuses: Iterable[str]) -> str:
    """One line of the table. A mutant that no test runs counts as one that was not noticed."""
    counts: Mapping[str, int] = Counter(statuses)
    mutants, killed = sum(counts.values()), sum(counts[status] for status in KILLED if status in counts)
    not_run = counts.get("no tests", 0)
    score = f"{killed / mutants:.0%}" if mutants else "-"
    return f"{module:34}{mutants:8}{killed:8}{mutants - killed - not_run:9}{not_run:8}{score:>7}"


def _mutmut(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs mutmut with one thread, because a process with OpenMP threads must not fork.

    Without PYTHONPATH, since mutmut itself finds the mutated package.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["OMP_NUM_THREADS"] = "1"
    command = [str(Path(sys.executable).parent / "mutmut"), *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
