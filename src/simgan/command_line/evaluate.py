"""The `evaluate` command."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from simgan.command_line.reading import Range, open_data, say_notes
from simgan.console.printing import print_line
from simgan.settings.choices import Channels, Layout

if TYPE_CHECKING:
    from rich.console import Console

    from simgan.runs.run import Run


@dataclass(frozen=True)
class Evaluate:
    """Measure a run: does training on refined images help on real ones, and are the labels still true?

    Refines a sample of the synthetic images. Without labelled real images it measures drift and distances; with
    --real-test also the score that counts: the same estimator trained on synthetic, on refined and on both, tested on
    those images. Writes RUN/evaluation/ and the report.
    """

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """The --out folder of a finished training."""
    synthetic: Path | None = None
    """Labelled synthetic images; by default those of the training."""
    real: Path | None = None
    """Photographs without labels; by default those of the training."""
    real_test: Path | None = None
    """Labelled real images, for the downstream score alone."""
    real_test_key: str | None = None
    """Name of their images in an HDF5 or .npz file that holds several arrays."""
    real_test_layout: Layout | None = None
    """Where their array of 4 axes has its channels: nhwc last, nchw first."""
    real_test_range: Range = None
    """Their stored values of black and white; by default those of the photographs in training if they were of the same
    type, else those of the type."""
    synthetic_range: Range = None
    """The same for --synthetic."""
    real_range: Range = None
    """The same for --real."""
    channels: Channels = None
    """Convert every picture of the folders given to grey (1) or RGB (3); by default as in training."""
    follow_links: bool = True
    """Follow links in folders; forbid them in folders that you do not trust."""
    label: str | None = None
    """What estimators learn: a label of both sets. By default the one that both have."""
    task: Literal["angle", "points", "vector", "classification"] | None = None
    """How the label is learnt and scored; by default it follows from shape and type."""
    points: str | None = None
    """Label whose drift is measured; by default the first that holds points in pixels or masks."""
    estimator: str = "small"
    """small, paper (the paper's gaze estimator, slow on a CPU), or your own .keras file: architecture alone."""
    steps: int = 1200
    """Steps of each estimator."""
    seeds: int = 3
    """Estimators trained on each set. Intervals are over seeds and test images."""
    images: int = 4096
    """Synthetic images used at most, evenly spaced."""
    features: Path | None = None
    """A .keras file of a feature network, an Inception say, for distances on its features as well."""

    def run(self, console: Console) -> int:
        """Measures, prints the tables and draws the report."""
        from simgan.command_line.tables import show_evaluation
        from simgan.evaluation.evaluate import EvaluateConfig, evaluate
        from simgan.report import write_report
        from simgan.runs.run import Run

        run = Run.open(self.run_folder)
        with ExitStack() as opened:
            synthetic, real, test = self._open(run, opened, console)
            found = evaluate(
                run,
                synthetic=synthetic,
                real=real,
                real_test=test,
                config=EvaluateConfig(
                    label=self.label,
                    task=self.task,
                    points=self.points,
                    estimator=self.estimator,
                    steps=self.steps,
                    seeds=self.seeds,
                    images=self.images,
                    features=self.features,
                ),
                command=self._command(),
                console=console,
            )
        show_evaluation(found, console)
        print_line(console, f"report: {write_report(run)}")
        return 0

    def _open(self, run: Run, opened: ExitStack, console: Console) -> list[Any]:
        """The synthetic, real and test images that were given, None for each that was not; prints notes on them.

        Those in place of the training's are read as those were.
        """
        from simgan.runs.run import typed_range

        sets: list[Any] = []
        for name, record in (("synthetic", run.data.synthetic), ("real", run.data.real), ("real_test", run.data.real)):
            path, limits = getattr(self, name), getattr(self, f"{name}_range")
            if path is None:
                sets.append(None)
                continue
            # Of a folder neither may be given.
            key, layout = (None, None) if path.is_dir() else (record.key, record.layout)
            if name == "real_test":
                key, layout = self.real_test_key, self.real_test_layout
            options = record.options_at(path)
            options["channels"] = self.channels or options["channels"]
            options["follow_links"] = self.follow_links
            source = open_data(path, key, limits or typed_range(record), layout=layout, **options)
            sets.append(opened.enter_context(source))
            say_notes(console, source, flag=f"--{name.replace('_', '-')}-range")
        return sets

    def _command(self) -> str:
        given = ["simgan", "evaluate", str(self.run_folder)]
        for name, field in type(self).__dataclass_fields__.items():
            value = getattr(self, name)
            if name != "run_folder" and value != field.default:
                given += [f"--{name.replace('_', '-')}", str(value)]
        return join(given)
