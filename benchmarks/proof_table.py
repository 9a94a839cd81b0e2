"""docs/results.md from the records of `make proof`."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t

from benchmarks.machine import this_machine
from benchmarks.proof_jobs import DOMAINS, SEEDS, VARIANTS, Job

Record = dict[str, Any]
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
        "*better by*: how much smaller the error is with refined than with synthetic images. *against preset*:\n"
        "error with refined images minus that of the preset, averaged over the seeds that both have; above 0 the\n"
        "preset is better. *drift*: drift of the iris centre, px, by a localiser trained on synthetic images\n"
        "only. *flow*: displacement of all content, px, by optical flow (0.2 px is its noise). *told apart*:\n"
        "accuracy of a new classifier that distinguishes refined (synthetic) from real images; 50 % is perfect.\n"
        "*KID*: KID of refined images as a share of that of synthetic images, on random features.\n"
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
    """Mean difference of the errors on refined images, over the seeds that both have."""
    errors, of_base = ({record["seed"]: _error("refined")(record) for record in records} for records in (found, base))
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


def _records(folder: Path, domain: str, variant: str) -> list[Record]:
    paths = [folder / f"{Job(domain, variant, seed).name}.json" for seed in range(SEEDS)]
    return [
        json.loads(path.read_text(encoding="utf-8")) | {"seed": seed}
        for seed, path in enumerate(paths)
        if path.exists()
    ]


def _error(on: str) -> Any:
    def of(record: Record) -> float | None:
        scores = record["evaluation"]["downstream"]
        trained = {entry["on"]: entry for entry in scores[0]["trained"]} if scores else {}
        return float(trained[on]["error"]["estimate"]) if on in trained else None

    return of


def _better(record: Record) -> float | None:
    scores = record["evaluation"]["downstream"]
    return -float(scores[0]["relative"]["estimate"]) if scores else None


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
    "error, synthetic": _error("synthetic"),
    "refined": _error("refined"),
    "both": _error("union"),
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
    ("camera", "error on refined 40 % below synthetic", _better, ".0%", lambda value: value >= 0.4),
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
