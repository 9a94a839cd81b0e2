"""docs/benchmarks.md from the records of `make benchmarks`."""

import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.benchmarks_domains import DOMAINS, NEED_USPS
from benchmarks.benchmarks_jobs import PARTS
from benchmarks.benchmarks_scores import Scores, read_scores
from benchmarks.benchmarks_targets import TARGETS
from benchmarks.proof_jobs import SEEDS
from benchmarks.proof_table import mean_and_interval
from benchmarks.small_affine import DESCRIPTION as AFFINE
from simgan.evaluation.contenders import SYNTHETIC, WITH_REFINED
from simgan.evaluation.results import Comparison, Interval, Trained
from simgan.report import REFINED_IN_WORDS
from simgan.tasks.photometric import DESCRIPTION as PHOTOMETRIC

_KINDS = ("free", "refined", "bound")  # in the order of the rows


def write_page(folder: Path, out: Path) -> None:
    """Writes the page from the jobs that have finished."""
    found = {domain: read_scores(folder, domain) for domain in DOMAINS}
    parts = [_head([scores for scores in found.values() if scores is not None]), _targets(found)]
    parts += [_domain(domain, scores) for domain, scores in found.items()]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join(parts), encoding="utf-8")


def _head(found: Sequence[Scores]) -> str:
    machines = sorted({record["machine"] for scores in found for record in scores.all_records})
    return (
        "# Benchmarks\n\n"
        "Written by `make benchmarks USPS=path/to/usps.h5`: R is trained with the default settings on synthetic and\n"
        "unlabelled real images, and the same estimator is trained on refined images and on each set that needs no\n"
        f"refiner. Labels of real images are used for the scores alone. {REFINED_IN_WORDS}\n"
        "Whether labels stayed true is measured on images refined whole.\n\n"
        "Digits are read by a LeNet with dropout as in public code of ADDA (lenet.py), the other images by the "
        "estimator `small` of\n"
        "`simgan evaluate`. Each estimator gets as many steps, and the same augmentation: "
        f"{PHOTOMETRIC}.\nWhere the label is a class also: {AFFINE}.\n\n"
        f"Intervals hold 95 %: bootstrapped over test images and over the {SEEDS} seeds, with each of which R and\n"
        "all estimators are trained anew. *Against the best free* is the paired difference from the free set with\n"
        "the smallest error on the same test images, a choice that favours this set a little.\n\n"
        + "\n".join(machines or ["No job has finished."])
        + "\n"
    )


def _targets(found: dict[str, Scores | None]) -> str:
    lines = [
        "## Targets\n",
        f"| domain | target | {' | '.join(WITH_REFINED)} |",
        "|---" * (2 + len(WITH_REFINED)) + "|",
    ]
    for target in TARGETS:
        scores = found[target.domain]
        cells = ["not run" if scores is None else target.cell(scores, on) for on in WITH_REFINED]
        lines.append(f"| {target.domain} | {target.text} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _domain(domain: str, scores: Scores | None) -> str:
    told = ", ".join(f"`{name} = {json.dumps(value)}`" for name, value in DOMAINS[domain].settings.items())
    lines = [
        f"## {domain}\n",
        f"{DOMAINS[domain].what}." + (f" Besides the default settings: {told}." if told else ""),
    ]
    lines.append("")
    if scores is None:
        way_out = "; it needs USPS=path/to/usps.h5" if domain in NEED_USPS else ""
        return "\n".join([*lines, f"**Not run**{way_out}.\n"])
    if scores.trial is not None:
        lines.append(f"**A trial, not the benchmark**: {scores.trial}.\n")
    lines += [f"**Missing**: {missing}.\n" for missing in _missing(scores)]
    if scores.trained:
        lines += [*_rows(scores), ""]
    lines += [f"{sentence}\n" for sentence in (*_on_labels(scores), _times(scores))]
    return "\n".join(lines)


def _missing(scores: Scores) -> list[str]:
    said = []
    for part, what in zip(PARTS, ("free sets and real labels", "refiner"), strict=True):
        if seeds := scores.missing(part):
            said.append(f"{what}, seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}")
    if scores.left_out:
        said.append(f"jobs measured with other settings, which are not shown: {', '.join(scores.left_out)}")
    return said


def _rows(scores: Scores) -> list[str]:
    classes = scores.task.name == "classification"
    error = "right, %" if classes else f"error, {scores.task.unit}"
    lines = [f"| trained on | {error} | against the best free | published |", "|---|---|---|---|"]
    for one in sorted(scores.trained, key=lambda one: _KINDS.index(one.kind)):
        compared = scores.comparison(one.on) if one.augmented else None
        cells = [
            one.on + ("" if one.augmented else ", not augmented"),
            _right(one.error)
            if classes
            else f"{one.error.estimate:.2f} ({one.error.low:.2f} to {one.error.high:.2f})",
            "" if compared is None else _against(compared, classes),
            _published(scores.domain, one),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    seeds = ", ".join(map(str, scores.seeds))
    return [*lines, f"\nSeed{'s' if len(scores.seeds) > 1 else ''} {seeds}: {len(scores.seeds)} of {SEEDS}."]


def _published(domain: str, one: Trained) -> str:
    """The published figure that belongs to a row. Published classifiers of synthetic images were not augmented."""
    is_its_row = one.augmented != (one.on == SYNTHETIC)
    return DOMAINS[domain].published.get(one.on, "") if is_its_row else ""


def _right(error: Interval) -> str:
    """Per cent of images with the right class."""
    return f"{100 * (1 - error.estimate):.1f} ({100 * (1 - error.high):.1f} to {100 * (1 - error.low):.1f})"


def _against(compared: Comparison, classes: bool) -> str:
    if classes:
        low, middle, high = (-100 * getattr(compared.difference, end) for end in ("high", "estimate", "low"))
        return f"{middle:+.1f} points ({low:+.1f} to {high:+.1f}) against {compared.best_free}"
    change = compared.relative
    if change is None:
        return f"{compared.difference.estimate:+.3g} against {compared.best_free}"
    return f"{change.estimate:+.0%} ({change.low:+.0%} to {change.high:+.0%}) against {compared.best_free}"


def _on_labels(scores: Scores) -> list[str]:
    """Whether the labels are still true of refined images."""

    def over_seeds(figure: str, form: str) -> str:
        return mean_and_interval(scores.of_labels(figure), form)

    if scores.of_labels("flipped"):
        return [
            f"Labels flipped: {over_seeds('flipped', '.2%')} of the refined images, by a judge that training never "
            "saw: the same network, trained on labelled images of the target and four fifths of the synthetic images, "
            "reads the refined versions of the last fifth. Its own error, which this share contains, is "
            f"{over_seeds('own_error', '.2%')} on these images unrefined and {over_seeds('own_error_on_test', '.2%')} "
            "on the test images."
        ]
    if scores.of_labels("points"):
        return [
            f"Drift of {DOMAINS[scores.domain].points}, by a localiser trained on synthetic images only: "
            f"{over_seeds('points', '.2f')} px in the mean, {over_seeds('points_p95', '.2f')} px at the 95th "
            f"percentile; the localiser is wrong by {over_seeds('own_error', '.2f')} px on unrefined images. "
            f"Displacement of all content, by optical flow: {over_seeds('flow', '.2f')} px."
        ]
    return []


def _times(scores: Scores) -> str:
    """Minutes of each phase, for one seed."""
    said = []
    for part in PARTS:
        records = list(scores.records[part].values())
        for phase in records[0]["seconds"] if records else ():
            minutes = sum(record["seconds"][phase] for record in records) / len(records) / 60
            said.append(f"{phase}{' of the free sets' if part == 'free' else ''} {minutes:.1f}")
    dates = sorted(record["date"].split()[0] for record in scores.all_records)
    return f"Minutes a seed on one core: {', '.join(said)}. {dates[0]} to {dates[-1]}."
