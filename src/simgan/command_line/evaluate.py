"""The `evaluate` command."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from simgan.command_line.reading import Range, open_as_trained, options_of, print_notes
from simgan.console.printing import print_line
from simgan.settings.choices import Channels, Layout

if TYPE_CHECKING:
    from rich.console import Console

    from simgan.runs.run import Run


@dataclass(frozen=True)
class Evaluate:
    """Measure whether refined images help to train models for real images, and whether their labels are still true.

    Refines a sample of the synthetic images whole (by strength 1), then measures how far content moved (drift) and how
    far synthetic and refined images are from the real ones (distances). With --real-test it also measures the score
    that matters most: estimators are trained on images refined by random strengths (the default of 'simgan refine'),
    on images refined whole, and on every free alternative (synthetic images as they are, or matched to photographs as
    by 'simgan match'), with and without augmentation. Each estimator is tested on the labelled real images. One
    sentence says whether refining pays. Writes RUN/evaluation/ and the report.
    """

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """The --out folder of a finished training."""
    synthetic: Path | None = None
    """Labelled synthetic images. By default those of the training."""
    real: Path | None = None
    """Photographs without labels. By default those of the training."""
    real_test: Path | None = None
    """Labelled real images. Only the score of the estimators uses them."""
    real_test_key: str | None = None
    """Name of the array of images, if the file of --real-test holds several arrays."""
    real_test_layout: Layout | None = None
    """Position of the channels in the array of --real-test, if it has 4 axes: nhwc (channels last) or nchw (channels
    first)."""
    real_test_range: Range = None
    """Stored values of black and white in --real-test. By default the range of the photographs in training if the
    pixel type is the same, else the limits of the pixel type."""
    synthetic_key: str | None = None
    """Name of the array of synthetic images, if an HDF5 or .npz file holds several arrays. By default as in training,
    if the format is the same."""
    real_key: str | None = None
    """The same as --synthetic-key, for --real."""
    synthetic_layout: Layout | None = None
    """The same as --real-test-layout, for the synthetic images. By default as in training."""
    real_layout: Layout | None = None
    """The same as --synthetic-layout, for --real."""
    synthetic_images: str | None = None
    """Which files of a folder are the images, as globs separated by commas: 'rgb/*.png'. By default as in training if
    the folder is the same, else all pictures except masks and other labels."""
    real_images: str | None = None
    """The same as --synthetic-images, for --real."""
    real_test_images: str | None = None
    """The same as --synthetic-images, for --real-test."""
    synthetic_range: Range = None
    """Stored values of black and white in --synthetic. By default the range of the synthetic images in training if the
    pixel type is the same, else the limits of the pixel type."""
    real_range: Range = None
    """The same as --real-test-range, for --real."""
    channels: Channels = None
    """Convert every picture in folders to grey (1) or RGB (3). By default as in training."""
    follow_links: bool = True
    """Follow links in folders. Forbid links in folders that you do not trust."""
    label: str | None = None
    """Name of the label that estimators learn, in the synthetic and the test set. By default the only label that both
    sets have."""
    task: Literal["angle", "points", "vector", "classification", "segmentation", "detection"] | None = None
    """Kind of label, which decides the loss and the error. By default it follows from the label's name, shape and
    type: masks of the image's size are segmented (error: 1 - mIoU), and boxes (x, y, width, height in px, class) are
    detected (error: 1 - AP50). With `points`, the centres of gravity of the classes in masks are learnt instead."""
    points: str | None = None
    """Name of the label by which drift is measured. By default the first label that holds points in px, or masks."""
    estimator: str = "small"
    """`small` (the only one for masks and boxes), `paper` (the paper's gaze estimator, slow on a CPU), or a .keras
    file of your own. The weights in the file are not used: each estimator is trained from scratch."""
    quick: bool = False
    """A first look: fewer training steps, fewer images, and one estimator for each set, trained with augmentation
    only. Intervals are wide."""
    steps: int | None = None
    """Training steps of each estimator; the localiser gets twice as many. By default 600, or 200 with --quick."""
    seeds: int | None = None
    """Number of estimators that are trained on each set with augmentation; as many are trained without. By default 3,
    or 1 with --quick. Of the sets matched to photographs, only the two best get more than one seed. Confidence
    intervals cover seeds and test images."""
    images: int | None = None
    """Largest number of synthetic images that are used, evenly spaced in the data set. By default 4096, or 1024 with
    --quick."""
    features: Path | None = None
    """A .keras file of a feature network, such as Inception. Distances are then measured on its features too."""

    def run(self, console: Console) -> int:
        """Measures, prints the tables and draws the report."""
        from simgan.command_line.tables import show_evaluation
        from simgan.evaluation.evaluate import EvaluateConfig, evaluate
        from simgan.report import write_report
        from simgan.runs.run import Run

        run = Run.open(self.run_folder)
        config = EvaluateConfig(
            label=self.label, task=self.task, points=self.points, estimator=self.estimator, features=self.features
        )
        given = {"steps": self.steps, "seeds": self.seeds, "images": self.images}
        amounts: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        config = replace(config.quick() if self.quick else config, **amounts)
        with ExitStack() as opened:
            synthetic, real, test = self._open(run, opened, console)
            found = evaluate(
                run,
                synthetic=synthetic,
                real=real,
                real_test=test,
                config=config,
                command=self._command(),
                console=console,
            )
        show_evaluation(found, console)
        print_line(console, f"report: {write_report(run)}")
        return 0

    def _open(self, run: Run, opened: ExitStack, console: Console) -> list[Any]:
        """Opens the synthetic, real and test images, and prints notes on them. The test images are None if not given.

        The images are read with the options of the training, except those that the command line gives.
        """
        # The test images have labels, so their file is seldom laid out like that of the photographs.
        real_test = run.data.real.model_copy(update={"key": None, "layout": None})
        sets: list[Any] = []
        for name, record in (("synthetic", run.data.synthetic), ("real", run.data.real), ("real_test", real_test)):
            path = getattr(self, name)
            if path is None and name == "real_test":
                sets.append(None)
                continue
            options = options_of(self, name)
            source = open_as_trained(console, record, path, **options)
            sets.append(opened.enter_context(source))
            print_notes(console, source, flag=f"--{options['name']}-range")
        return sets

    def _command(self) -> str:
        """The command line that repeats this evaluation."""
        given = ["simgan", "evaluate", str(self.run_folder)]
        for name, field in type(self).__dataclass_fields__.items():
            value = getattr(self, name)
            if name != "run_folder" and value != field.default:
                given += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
        return join(given)
