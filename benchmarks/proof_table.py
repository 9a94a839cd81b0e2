"""docs/results.md from the records of `make proof`."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t

from benchmarks.machine import this_machine
from benchmarks.proof_jobs import DOMAINS, SEEDS, VARIANTS, Job
from simgan.evaluation.results import Downstream, Evaluation, decisive

Record = dict[str, Any]
_VERSION = Evaluation.model_fields["version"].default
_BASE = "preset"  # the other variants are compared with this one


def mean_and_interval(values: list[float], form: str = ".2f") -> str:
    """Mean over seeds with the 95 % interval by Student's t; the value alone for one seed."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return f"{mean:{form}}"
    half = float(t.ppf(0.975, len(values) - 1)) * float(np.std(values, ddof=1)) / len(values) ** 0.5
    return f"{mean:{form}} ({mean - half:{form}} to {mean + half:{form}})"


def write_tables(folder: Path, out: Path) -> None:
    """Writes the page from the jobs that have finished."""
    parts = [_head()]
    for domain, what in DOMAINS.items():
        records = {variant: _records(folder, domain, variant) for variant in VARIANTS}
        records = {variant: found for variant, found in records.items() if found}
        if records:
            parts.append(_domain(domain, what, records))
    parts.append(_aims(folder))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join(parts), encoding="utf-8")


def _head() -> str:
    return (
        "# Results\n\n"
        "Written by `make proof` (`PHOTOGRAPHS=DIR` for the last table). Means over seeds with 95 % intervals\n"
        "by Student's t; for each seed R, the estimators and the localiser are trained anew. A row with fewer than\n"
        f"{SEEDS} seeds was not continued: an interval from two seeds says very little. The labels of test\n"
        "images are used for the scores only.\n\n"
        f"{this_machine().describe()}\n\n"
        "*error*: error on labelled real images of an estimator trained on that set: degrees, or share wrong.\n"
        "*augmented*: with random changes of tones, light, sharpness and noise. *best free*: the smallest error\n"
        "without a refiner, of synthetic images and those that `simgan match` makes, augmented or not. *refined*:\n"
        "by strengths from 0.5 to 1, as `simgan refine` writes images; *whole*: as with `--strength 1`; *both*:\n"
        "images refined whole, and synthetic ones. *better by*: how much smaller the error is with the best refined\n"
        "set than with the best free set, with augmentation on both sides or on neither. *against preset*: error\n"
        "with refined images, augmented, minus that of the preset, averaged over the seeds that both have; above 0\n"
        "the preset is better. The other columns are about images refined whole. *drift*: drift of the iris centre,\n"
        "px, by a localiser trained on synthetic images only. *flow*: displacement of all content, px, by optical\n"
        "flow (0.2 px is its noise). *told apart*: accuracy of a new classifier that distinguishes refined\n"
        "(synthetic) from real images; 50 % is perfect. *KID*: KID of refined images as a share of that of synthetic\n"
        "images, on random features.\n"
    )


def _domain(domain: str, what: str, records: dict[str, list[Record]]) -> str:
    columns = [
        column
        for column in _COLUMNS
        if any(_COLUMNS[column](r) is not None for found in records.values() for r in found)
    ]
    scored = any(_better(record) is not None for found in records.values() for record in found)
    headings = ["seeds", *(["against preset"] if scored else []), *columns]
    lines = [
        f"## {domain}\n",
        f"{what[0].upper()}{what[1:]}.\n",
        "| | " + " | ".join(headings) + " |",
        "|---" * (len(headings) + 1) + "|",
    ]
    for variant, found in records.items():
        cells = [_against(found, records.get(_BASE, []))] if scored else []
        for column in columns:
            values = [value for record in found if (value := _COLUMNS[column](record)) is not None]
            cells.append(mean_and_interval(values, _FORMS.get(column, ".2f")) if values else "")
        lines.append(f"| {variant} | {len(found)} | " + " | ".join(cells) + " |")
    dates = sorted({record["date"] for found in records.values() for record in found})
    minutes = np.mean([record["seconds"] for found in records.values() for record in found]) / 60
    lines.append(f"\n{dates[0]} to {dates[-1]}; {minutes:.1f} minutes a run on one core, scoring included.\n")
    return "\n".join(lines)


def _against(found: list[Record], base: list[Record]) -> str:
    """Mean difference of the errors with refined images, augmented, over the seeds that both have."""
    errors, of_base = ({record["seed"]: _refined_error(record) for record in records} for records in (found, base))
    differences = [errors[seed] - of_base[seed] for seed in sorted(errors.keys() & of_base.keys())]
    return mean_and_interval(differences, "+.3f") if differences and found is not base else ""


def _aims(folder: Path) -> str:
    """The aims, and what was measured."""
    lines = ["## Aims\n", "| aim | seen |", "|---|---|"]
    for domain, aim, value, form, is_met in _AIMS:
        values = [value(record) for record in _records(folder, domain, _BASE)]
        known = [one for one in values if one is not None]
        if known:
            seen = mean_and_interval(known, form)
            met = is_met(float(np.mean(known)))
            lines.append(f"| {domain}: {aim} | {'' if met else '**missed**: '}{seen}, {len(known)} seeds |")
    return "\n".join(lines) + "\n"


def read_record(folder: Path, job: Job) -> Record | None:
    """What a finished job left in `folder`; None if it has not finished, or was scored by an older version."""
    path = folder / f"{job.name}.json"
    record = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    return record if record and record["evaluation"]["version"] == _VERSION else None


def _records(folder: Path, domain: str, variant: str) -> list[Record]:
    records = [read_record(folder, Job(domain, variant, seed)) for seed in range(SEEDS)]
    return [record | {"seed": seed} for seed, record in enumerate(records) if record]


def _score(record: Record) -> Downstream | None:
    scores = record["evaluation"]["downstream"]
    return Downstream.model_validate(scores[0]) if scores else None


def _error(on: str, *, augmented: bool) -> Any:
    def of(record: Record) -> float | None:
        score = _score(record)
        trained = {(one.on, one.augmented): one.error.estimate for one in score.trained} if score else {}
        return trained.get((on, augmented))

    return of


_refined_error = _error("refined", augmented=True)


def _best_free_error(record: Record) -> float | None:
    """The error of the free set that decides, with augmentation or without."""
    score = _score(record)
    if score is None:
        return None
    found = decisive(score)
    return float(_error(found.best_free, augmented=found.augmented)(record))


def _better(record: Record) -> float | None:
    """How much smaller the error of the best refined set is than that of the best free one, as a share of this."""
    score = _score(record)
    relative = decisive(score).relative if score else None
    return -relative.estimate if relative else None


def _drift(kind: str, field: str) -> Any:
    def of(record: Record) -> float | None:
        found = [drift for drift in record["evaluation"]["drift"] if drift["measured_by"].startswith(kind)]
        return float(found[0][field]) if found else None

    return of


def _distance(measure: str, side: str) -> Any:
    def of(record: Record) -> float | None:
        found = [entry for entry in record["evaluation"]["distances"] if entry["measure"] == measure]
        return float(found[0][side]["estimate"]) if found else None

    return of


def _kid(record: Record) -> float | None:
    refined, synthetic = (_distance("KID, random features", side)(record) for side in ("refined", "synthetic"))
    return refined / synthetic if refined is not None and synthetic else None


_COLUMNS: dict[str, Any] = {
    "error, synthetic": _error("synthetic", augmented=False),
    "synthetic, augmented": _error("synthetic", augmented=True),
    "best free": _best_free_error,
    "refined": _error("refined", augmented=False),
    "refined, augmented": _refined_error,
    "whole, augmented": _error("refined whole", augmented=True),
    "both, augmented": _error("refined whole + synthetic", augmented=True),
    "better by": _better,
    "drift, mean": _drift("localiser", "mean"),
    "95th percentile": _drift("localiser", "p95"),
    "localiser's own error": _drift("localiser", "own_error"),
    "flow, mean": _drift("optical flow", "mean"),
    "told apart, refined": _distance("told apart from real, images", "refined"),
    "synthetic": _distance("told apart from real, images", "synthetic"),
    "patches, refined": _distance("told apart from real, 11x11 patches", "refined"),
    "patches, synthetic": _distance("told apart from real, 11x11 patches", "synthetic"),
    "KID": _kid,
}
_FORMS = {
    "better by": ".0%",
    "told apart, refined": ".0%",
    "synthetic": ".0%",
    "patches, refined": ".0%",
    "patches, synthetic": ".0%",
}
_AIMS: list[tuple[str, str, Any, str, Any]] = [
    ("camera", "error 20 % below the best free set", _better, ".0%", lambda value: value >= 0.2),
    ("camera", "drift of the iris 0.5 px", _drift("localiser", "mean"), ".2f", lambda value: value <= 0.5),
    ("camera", "1.5 px at the 95th percentile", _drift("localiser", "p95"), ".2f", lambda value: value <= 1.5),
    (
        "photographs",
        "a classifier tells refined from real on 75 %",
        _COLUMNS["told apart, refined"],
        ".0%",
        lambda value: value <= 0.75,
    ),
    ("photographs", "KID a third of synthetic's", _kid, ".2f", lambda value: value <= 1 / 3),
    ("photographs", "drift of the iris 0.8 px", _drift("localiser", "mean"), ".2f", lambda value: value <= 0.8),
]
