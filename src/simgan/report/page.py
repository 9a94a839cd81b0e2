"""report.html, section by section: verdict and figures first, then pictures, curves, settings."""

import json
from pathlib import Path

import keras

from simgan.errors import RunError
from simgan.evaluation.results import (
    FOLDER,
    Downstream,
    DriftResult,
    Evaluation,
    OlderResultsError,
    kept_in_words,
    read_evaluation,
)
from simgan.files.folders import write_whole
from simgan.report import html
from simgan.report.curves import draw_curves, draw_histogram
from simgan.report.verdict import MEASURED_WHOLE, REFINED_IN_WORDS, health, sentences
from simgan.runs.run import Run
from simgan.turing import TuringResult, read_turing

_LEGEND = (
    "Synthetic, refined whole, real (unpaired), difference. In the difference, mid-grey means no change, and lighter "
    "pixels are those that R brightened."
)


def write_report(run: Run) -> Path:
    """Writes report.html into the run folder.

    Raises:
        RunError: a file of the run cannot be understood.
    """
    found, older = None, []
    try:
        found = read_evaluation(run.path)
    except OlderResultsError as error:  # a training that is prolonged still gets its report
        older = [str(error)]
    metrics = run.metrics()
    measured = found.warnings if found else ()
    warnings = [*older, *_framing_warnings(run), *health(metrics, run.config), *measured]
    curves = draw_curves(metrics)
    body = [
        html.box("verdict", sentences(found)),
        html.box("warnings", warnings),
        *_measured(run, found),
        html.section("Visual Turing test", *map(_turing, read_turing(run.path))),
        _framing(run),
        _pictures(run),
        html.section(
            "Curves",
            html.note("Adversarial phase. Each point is the mean since the point before."),
            html.grid(html.picture(svg, title, "svg+xml") for title, svg in curves.items()),
        ),
        html.section("Settings", html.code((run.path / "config.toml").read_text("utf-8", errors="backslashreplace"))),
        html.note(f"Written with Keras {keras.__version__}."),
    ]
    path = run.path / "report.html"
    page = html.page(f"SimGAN run {run.path.resolve().name}", body)
    write_whole(path, page.encode("utf-8", errors="backslashreplace"))  # names of files need not be UTF-8
    return path


def _measured(run: Run, found: Evaluation | None) -> list[str]:
    if found is None:
        return []
    similar = found.structural_similarity
    drift = [html.note(kept_in_words(kept)) for kept in found.kept_labels]
    drift += [_drift(run, drift) for drift in found.drift]
    if drift and similar is not None:
        drift.append(html.note(f"Structural similarity of refined to synthetic: {similar:.3f}; 1 is unchanged."))
    distances = html.table(
        ("measure", "synthetic", "refined whole", "ideal"),
        ((d.measure, str(d.synthetic), str(d.refined), f"{d.ideal:.3g}") for d in found.distances),
    )
    if drift or found.distances:
        drift.append(html.note(MEASURED_WHOLE))
    remark = html.note(f"Estimates with 95 % intervals. {found.date}, {found.command}")
    return [
        html.section("Did refining help?", *map(_downstream, found.downstream)),
        html.section("Are the labels still true?", *drift),
        html.section("How far from real?", distances if found.distances else "", remark),
    ]


def _downstream(score: Downstream) -> str:
    limits = list(score.trained[0].within)
    rows = (
        (
            trained.on,
            "yes" if trained.augmented else "no",
            str(trained.error),
            *(f"{trained.within.get(limit, 0):.0%}" for limit in limits),
            str(len(trained.each_seed)),
        )
        for trained in score.trained
    )
    heading = (
        f"{score.label}, trained on",
        "augmented",
        f"error, {score.unit}",
        *(f"below {limit}" for limit in limits),
        "seeds",
    )
    differences = (
        (
            one.on,
            "yes" if one.augmented else "no",
            one.best_free,
            str(one.difference),
            f"{one.relative.estimate:+.0%}" if one.relative else "",
        )
        for one in score.comparisons
    )
    return (
        html.table(heading, rows)
        + html.table(("trained on", "augmented", "best free set", "paired difference", "relative"), differences)
        + html.note(
            f"Estimator '{score.estimator}', {score.steps} steps, {score.seeds} seeds, {score.training_images} "
            f"training images; {score.test_images} labelled real images. {REFINED_IN_WORDS} Augmentation: "
            f"{score.augmentation}. {score.labels} {score.framing} {score.date}"
        )
    )


def _drift(run: Run, drift: DriftResult) -> str:
    rows = [
        ("mean", f"{drift.mean:.2f}"),
        ("95th percentile", f"{drift.p95:.2f}"),
        ("worst", f"{drift.worst:.2f}"),
        ("images", str(drift.images)),
    ]
    if drift.own_error is not None:
        rows.append(("the localiser's own mean error", f"{drift.own_error:.2f}"))
    histogram = html.picture(draw_histogram(drift), f"Drift by {drift.measured_by}.", "svg+xml")
    worst = html.table(("largest drift", "px"), ((name, f"{pixels:.2f}") for name, pixels in drift.worst_images))
    # The picture's name comes from a file: only a plain name within the folder is opened.
    picture = run.path / FOLDER / Path(drift.picture).name if drift.picture else None
    shown = picture is not None and picture.is_file()
    return html.grid(
        [
            html.table((f"by {drift.measured_by}", "px"), rows) + histogram + worst,
            html.picture(picture.read_bytes(), "The images with the largest drift, the largest at the top.")
            if picture and shown
            else "",
        ]
    )


def _turing(result: TuringResult) -> str:
    rows = (
        ("real", str(result.real_as_real), str(result.real_as_refined)),
        ("refined", str(result.refined_as_real), str(result.refined_as_refined)),
    )
    return html.table(("the image was", "judged real", "judged refined"), rows) + html.note(
        f"Test {result.test}, {result.form}, {result.date}: {result}. {result.verdict}"
    )


def _pictures(run: Run) -> str:
    samples = sorted((run.path / "samples").glob(f"step_{'[0-9]' * 6}.png"))
    if not samples:
        return ""
    shown = [html.picture(samples[-1].read_bytes(), f"{_step(samples[-1])}, the last picture. {_LEGEND}")]
    if len(samples) > 1:
        shown.append(html.picture(samples[0].read_bytes(), f"{_step(samples[0])}, the first picture."))
    return html.section("Pictures", *shown)


def _step(sample: Path) -> str:
    return f"Adversarial step {int(sample.stem.removeprefix('step_'))}"


def _framing_warnings(run: Run) -> list[str]:
    path = run.path / "framing.json"
    if not path.exists():
        return []
    try:
        found = json.loads(path.read_text("utf-8"))
        return [str(finding["sentence"]) for finding in found if finding["severity"] == "warning"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"run: expected findings in {path} ({error!r}); remove it.") from None


def _framing(run: Run) -> str:
    path = run.path / "framing.png"
    caption = "Synthetic images above, real images below: mean, variety, edges, examples, grey levels."
    return (
        html.section("Are both sets framed alike?", html.picture(path.read_bytes(), caption)) if path.exists() else ""
    )
