"""The results as Markdown."""

import statistics
from collections.abc import Iterable, Sequence

from benchmarks.flops import step_flops
from benchmarks.machine import Machine
from benchmarks.measure import PHASES, Results
from benchmarks.peak import DIRECTIONS, training_peak
from benchmarks.targets import targets, training_rate
from simgan import PRESETS
from simgan.settings.config import make_config


def markdown(results: Results, machine: Machine, heading: str, batch: int, height: int, width: int) -> str:
    """Every table for which something was measured, under a heading that says how and when."""
    sections = [f"{heading}\n\n{machine.describe()}"]
    if results.difference is not None:
        sections.append(
            f"The same weights give the same losses in both programs: the largest difference is "
            f"{results.difference:.1e} (it must be below 1e-4)."
        )
    rows = targets(results, batch, height, width)
    if rows:
        cells = [(row.what, f"{row.seen:.3g} {row.unit}", row.aim(), row.verdict(machine)) for row in rows]
        sections.append("## Targets\n\n" + _table(("", "seen", "target", ""), cells))
    if results.pairs:
        sections.append(_pairs(results, batch, height, width))
    if results.presets:
        sections.append(_presets(results))
    if results.peaks:
        sections.append(_peaks(results))
    rates = [(name, _spread(values, "images/s")) for name, values in results.refining.items()]
    if rates:
        sections.append("## Refining data sets\n\n" + _table(("", "median (min to max)"), rates))
    if results.cost:
        sections.append(_cost(results))
    times = [(name, _spread(values, "s")) for name, values in results.commands.items()]
    if times:
        sections.append("## Commands\n\n" + _table(("", "median (min to max)"), times))
    sections.append(_gpu(results))
    return "\n\n".join(sections) + "\n"


def _pairs(results: Results, batch: int, height: int, width: int) -> str:
    rows = []
    for phase in PHASES:
        theirs, ours = (
            [s for pair in results.pairs for s in getattr(pair, who)[phase]] for who in ("textbook", "ours")
        )
        ratios = [pair.ratio(phase) for pair in results.pairs]
        each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        rows.append(
            (_words(phase), _spread(theirs, "s"), _spread(ours, "s"), each, f"{statistics.median(ratios):.2f}")
        )
    text = f"## A step against the textbook's\n\nBatch {batch}, {height}x{width}, preset `reference`"
    text += f" ({results.precision} here), {len(results.pairs)} pair(s) run in turn. Median (min to max).\n\n"
    text += _table(("phase", "textbook", "simgan", "times as fast, each pair", "median"), rows)
    config = make_config({"batch_size": batch}, PRESETS["reference"].config)
    flops = step_flops(config, height, width)
    rate = training_rate(results, batch, height, width)
    text += f"\n\nAn update of R takes {flops.refiner_pretrain / 1e12:.3g} TFLOP, an adversarial step "
    text += f"{flops.adversarial / 1e12:.3g}. R trains at {rate:.3g} TFLOP/s"
    if not results.peaks:
        return text + "."
    peak = training_peak(results.peaks, results.precision)
    return (
        f"{text}, counted as a direct convolution's operations: {rate / peak:.0%} of the peak of PyTorch's direct "
        f"convolutions in {results.precision} ({peak:.3g} TFLOP/s)."
    )


def _presets(results: Results) -> str:
    rows = [
        (preset, *(_spread([1 / second for second in phases[phase]], "steps/s") for phase in PHASES))
        for preset, phases in results.presets.items()
    ]
    return "## Other presets\n\n" + _table(("preset", *map(_words, PHASES)), rows)


def _peaks(results: Results) -> str:
    found = {(p.precision, p.batch, p.direction): p for p in results.peaks}
    rows = []
    for precision, batch in dict.fromkeys((p.precision, p.batch) for p in results.peaks):
        cells = (found[precision, batch, direction] for direction in DIRECTIONS)
        rows.append((precision, str(batch), *(f"{cell.best:.3f} ({cell.median:.3f})" for cell in cells)))
    text = "## Peak of the convolution\n\n3x3, 64 to 64 channels, 35x55, channels last, in PyTorch: best (median) "
    return f"{text}TFLOP/s.\n\n" + _table(("", "batch", *DIRECTIONS), rows)


def _cost(results: Results) -> str:
    rows = []
    for point in results.cost["simgan"]:
        size, batch = point.split(":")
        theirs, ours = (statistics.median(results.cost[who][point]) / int(batch) for who in ("textbook", "simgan"))
        rows.append((size, batch, f"{1000 * theirs:.3g} ms", f"{1000 * ours:.3g} ms", f"{theirs / ours:.2f}"))
    text = "## Cost against image size and batch\n\nAn update of R, an image. Drawn in "
    text += "[performance-cost.png](performance-cost.png).\n\n"
    return text + _table(("image", "batch", "textbook", "simgan", "times as fast"), rows)


def _gpu(results: Results) -> str:
    if results.gpu is None:
        return "No GPU here: not measured."
    config = PRESETS["reference"].config
    rate = step_flops(config, 35, 55).schedule(config) / results.gpu["seconds"] / 1e12
    return (
        f"## GPU\n\nA whole training with the preset `reference` on one {results.gpu['gpu']}: "
        f"{results.gpu['seconds']:.1f} s, {rate:.3g} TFLOP/s, {results.gpu['memory']:.2g} GiB of its memory at most."
    )


def _words(phase: str) -> str:
    return {"refiner_pretrain": "R alone", "discriminator_pretrain": "D alone", "adversarial": "adversarial"}[phase]


def _spread(values: Sequence[float], unit: str) -> str:
    return f"{statistics.median(values):.3g} {unit} ({min(values):.3g} to {max(values):.3g})"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
