"""report.html of a run: one self-contained page with settings, curves and pictures."""

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simgan.loop import ADVERSARIAL
from simgan.run import Run

_CURVES = {
    "Losses": {
        "R adversarial": "refiner_adversarial",
        "R self-regularisation": "refiner_self_regularisation",
        "D": "discriminator_total",
    },
    "D right on patches": {
        "real": "discriminator_real_accuracy",
        "refined": "discriminator_refined_accuracy",
    },
    "Mean |refined - synthetic|": {"change": "refiner_change"},
    "Share of time waiting for data": {"waiting": "waiting_for_data"},
}
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; color: #222; }
img { max-width: 100%; height: auto; } pre { overflow-x: auto; background: #f5f5f5; padding: .75rem; font-size: 13px; }
table { border-collapse: collapse; } td, th { padding: .3rem .8rem; border-bottom: 1px solid #ccc; text-align: left; }
figure { margin: 1rem 0; break-inside: avoid; } figcaption { color: #555; font-size: 14px; }
"""


_LEGEND = "Real images are unpaired. In the difference mid-grey means no change, lighter that R brightened."


@dataclass(frozen=True)
class Table:
    """Rows of text under a title; the first row is the heading."""

    title: str
    rows: Sequence[Sequence[str]]
    note: str = ""


def write_report(run: Run, tables: Sequence[Table] = ()) -> Path:
    """Writes report.html into the run folder.

    Args:
        run: a finished run.
        tables: results to show first.

    Returns:
        The path of the report.
    """
    samples = sorted((run.path / "samples").glob("step_*.png"))
    sections = [_table(table) for table in tables]
    if samples:
        sections.append(
            "<h2>Pictures</h2>" + _figure(samples[-1].read_bytes(), f"{_step(samples[-1])}, the end. {_LEGEND}")
        )
    sections.append("<h2>Curves</h2>" + _figure(_draw_curves(run.metrics()), "Adversarial phase, means of intervals."))
    if len(samples) > 1:
        sections.append("<h2>At first</h2>" + _figure(samples[0].read_bytes(), f"{_step(samples[0])}."))
    sections.append(f"<h2>Settings</h2><pre>{html.escape((run.path / 'config.toml').read_text('utf-8'))}</pre>")
    title = f"SimGAN run {html.escape(run.path.resolve().name)}"
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{''.join(sections)}</body></html>\n"
    )
    path = run.path / "report.html"
    partial = run.path / ".report.html.partial"
    partial.write_text(page, encoding="utf-8")
    partial.replace(path)
    return path


def _step(sample: Path) -> str:
    return f"Adversarial step {int(sample.stem.removeprefix('step_'))}"


def _table(table: Table) -> str:
    heading, *rows = table.rows
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in heading)
    note = f"<p>{html.escape(table.note)}</p>" if table.note else ""
    return f"<h2>{html.escape(table.title)}</h2><table><tr>{head}</tr>{body}</table>{note}"


def _figure(png: bytes, caption: str) -> str:
    data = base64.b64encode(png).decode("ascii")
    caption = html.escape(caption)
    return (
        f'<figure><img alt="{caption}" src="data:image/png;base64,{data}"><figcaption>{caption}</figcaption></figure>'
    )


def _draw_curves(metrics: Sequence[dict[str, Any]]) -> bytes:
    """PNG of the adversarial phase."""
    # Matplotlib takes half a second to import; figures made without pyplot leave no global state.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    records = [record for record in metrics if record["phase"] == ADVERSARIAL]
    marker = "o" if len(records) < 3 else None  # a line through one point would not show
    figure = Figure(figsize=(10, 6), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (title, curves) in zip(figure.subplots(2, 2).flat, _CURVES.items(), strict=True):
        for label, name in curves.items():
            axes.plot([r["step"] for r in records], [r[name] for r in records], label=label, marker=marker)
        axes.set(title=title, xlabel="step")
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        if len(curves) > 1:
            axes.legend()
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    return stream.getvalue()
