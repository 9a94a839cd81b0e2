"""What the jobs of `make benchmarks` have measured on a domain, read from their records."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.benchmarks_domains import DOMAINS
from benchmarks.benchmarks_jobs import PARTS, Job, Part
from benchmarks.jobs import Record
from benchmarks.proof_jobs import SEEDS
from simgan.evaluation.comparison import Set, summarise
from simgan.evaluation.results import Comparison, Trained
from simgan.tasks.task import Angle, Classification, Task

_TASKS: dict[str, Task] = {"angle": Angle(), "classification": Classification(())}


@dataclass(frozen=True)
class Scores:
    """The scores of one domain."""

    domain: str
    task: Task
    records: dict[Part, dict[int, Record]]
    """By part and seed: the records that were measured with the same settings as the newest record."""
    left_out: tuple[str, ...]
    """Names of the jobs that were measured with other settings."""
    seeds: tuple[int, ...]
    """The seeds of which both parts have finished; if there are none, those of which the part `free` has finished."""
    trained: tuple[Trained, ...]
    """Scores of the sets of training images."""
    comparisons: tuple[Comparison, ...]
    """Comparisons of the refined sets with the best free one."""

    def error(self, on: str) -> Trained | None:
        """The scores of the set `on`, augmented."""
        return next((one for one in self.trained if (one.on, one.augmented) == (on, True)), None)

    def comparison(self, on: str) -> Comparison | None:
        """The comparison of the refined set `on`, augmented, with the best free one."""
        return next((one for one in self.comparisons if (one.on, one.augmented) == (on, True)), None)

    def label_figures(self, figure: str) -> list[float]:
        """A figure on the labels of refined images for each seed."""
        found = [record["labels"].get(figure) for _, record in sorted(self.records["refined"].items())]
        return [float(value) for value in found if value is not None]

    def missing(self, part: Part) -> list[int]:
        """The seeds of which this part has not finished."""
        return [seed for seed in range(SEEDS) if seed not in self.records[part]]

    @property
    def all_records(self) -> list[Record]:
        """The records of both parts."""
        return [record for part in PARTS for record in self.records[part].values()]

    @property
    def trial(self) -> str | None:
        """What makes these figures those of a trial; None: they are the figures of the benchmark."""
        why = []
        common = self.all_records[0]["settings"]["common"]
        if common["images"] is not None:
            why.append(f"{common['images']} images of each set at most")
        if common["estimator_steps"] != DOMAINS[self.domain].estimator_steps:
            why.append(f"{common['estimator_steps']} training steps of each estimator")
        if any(record["settings"]["trial"] for record in self.records["refined"].values()):
            why.append("a refiner trained with other settings than the default ones")
        return ", ".join(why) or None


def read_scores(folder: Path, domain: str) -> Scores | None:
    """What has been measured on a domain; None if no job has finished."""
    found = dict(_records(folder, domain))
    if not found:
        return None

    def newest(records: list[Record]) -> Record:
        return max(records, key=lambda record: str(record["date"]))["settings"]  # type: ignore[no-any-return]

    common = newest(list(found.values()))["common"]
    kept = {job: record for job, record in found.items() if record["settings"]["common"] == common}
    refined = [record for job, record in kept.items() if job.part == "refined"]
    if refined:
        wanted = newest(refined)
        kept = {job: one for job, one in kept.items() if job.part != "refined" or one["settings"] == wanted}
    parts: dict[Part, dict[int, Record]] = {
        part: {job.seed: record for job, record in kept.items() if job.part == part} for part in PARTS
    }
    seeds = tuple(sorted(parts["free"].keys() & parts["refined"].keys() or parts["free"].keys()))
    task = _TASKS[next(iter(kept.values()))["task"]]
    trained, comparisons = _summarised(parts, seeds, task)
    left_out = tuple(job.name for job in found if job not in kept)
    return Scores(domain, task, parts, left_out, seeds, trained, comparisons)


def _records(folder: Path, domain: str) -> Iterator[tuple[Job, Record]]:
    for part in PARTS:
        for seed in range(SEEDS):
            job = Job(domain, part, seed)
            path = folder / f"{job.name}.json"
            if path.exists():
                yield job, json.loads(path.read_text(encoding="utf-8"))


def _summarised(
    parts: dict[Part, dict[int, Record]], seeds: tuple[int, ...], task: Task
) -> tuple[tuple[Trained, ...], tuple[Comparison, ...]]:
    """The scores of all sets on the same seeds, and the comparisons of the refined ones with the best free one."""
    rows: dict[Set, list[list[float]]] = {}
    for seed in seeds:
        for part in PARTS:
            for one in parts[part].get(seed, {"errors": []})["errors"]:
                rows.setdefault(Set(one["on"], one["kind"], one["augmented"]), []).append(one["errors"])
    if not rows:
        return (), ()
    return summarise({one: np.array(errors) for one, errors in rows.items()}, task)
