"""Curves and histograms as SVG pictures."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from simgan.evaluation.results import DriftResult
from simgan.runs.position import ADVERSARIAL

CURVES: Mapping[str, Mapping[str, str]] = {
    "Losses": {
        "R adversarial": "refiner_adversarial",
        "R self-regularisation": "refiner_self_regularisation",
        "D": "discriminator_total",
    },
    "Accuracy of D on patches": {
        "real": "discriminator_real_accuracy",
        "refined": "discriminator_refined_accuracy",
    },
    "Mean |refined - synthetic|": {"change": "refiner_change"},
    "Norm of the gradient": {"R": "refiner_gradient", "D": "discriminator_gradient"},
    "Share of time waiting for data": {"waiting": "waiting_for_data"},
    "Drift by optical flow, px": {"drift": "measured_drift"},
    "Weight of self-regularisation": {"weight": "self_regularisation_weight"},
}
"""Curves of each picture, by its title: their names in metrics.jsonl, by label."""


def draw_curves(metrics: Sequence[Mapping[str, Any]]) -> dict[str, bytes]:
    """SVG pictures of the adversarial phase, by title: of `CURVES`, those that were recorded."""
    records = [record for record in metrics if record.get("phase") == ADVERSARIAL]
    drawn = {}
    for title, curves in CURVES.items():
        recorded = {label: name for label, name in curves.items() if any(name in record for record in records)}
        if not recorded:
            continue
        figure, axes = _figure()
        for label, name in recorded.items():
            points = [(record["step"], record[name]) for record in records if name in record]
            marker = "o" if len(points) < 3 else None  # a line through one point would not show
            axes.plot(*zip(*points, strict=True), label=label, marker=marker)
        axes.set(title=title, xlabel="step")
        axes.set_ylim(bottom=0)
        if len(recorded) > 1:
            axes.legend()
        drawn[title] = _svg(figure, title)
    return drawn


def draw_histogram(drift: DriftResult) -> bytes:
    """SVG of the number of images at each drift."""
    figure, axes = _figure()
    width = max(drift.worst, 1e-9) / len(drift.histogram)
    axes.bar([(place + 0.5) * width for place in range(len(drift.histogram))], drift.histogram, width=0.92 * width)
    for value, name in ((drift.mean, "mean"), (drift.p95, "95th percentile")):
        axes.axvline(value, color="black", linestyle="--" if name == "mean" else ":", label=f"{name} {value:.2f}")
    axes.set_title(f"Drift by {drift.measured_by}", parse_math=False)
    axes.set(xlabel="px", ylabel="images")
    axes.legend()
    return _svg(figure, drift.measured_by)


def _figure() -> tuple[Any, Any]:
    # Matplotlib takes half a second to import; figures made without pyplot leave no global state.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3.1), layout="constrained")
    axes = figure.subplots()
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: Any, salt: str) -> bytes:
    from matplotlib import rc_context

    stream = io.BytesIO()
    with rc_context({"svg.hashsalt": salt}):  # the same curves give the same bytes
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()
