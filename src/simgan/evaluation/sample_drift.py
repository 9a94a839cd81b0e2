"""How far refining moved the content of a sample: by optical flow, and by a localiser of labelled points."""

from collections.abc import Sequence

from rich.console import Console

from simgan.console.progress import show_progress
from simgan.errors import DataError
from simgan.evaluation import (
    Drift,
    drift_of_points,
    drift_result,
    worst_first,
)
from simgan.evaluation.refined_sample import Sample
from simgan.evaluation.results import (
    FOLDER,
    DriftResult,
    own_error_warning,
)
from simgan.framing.displacement import displacement
from simgan.images import ImageSource
from simgan.images.picture_sheet import picture_sheet
from simgan.runs.run import Run
from simgan.tasks.choice import choose_task
from simgan.tasks.points import as_points


def measure_drift(
    run: Run,
    source: ImageSource,
    sample: Sample,
    points: str | None,
    *,
    steps: int,
    seed: int,
    console: Console,
) -> tuple[tuple[DriftResult, ...], list[str]]:
    """The drifts, and warnings: by a localiser, if there is a label of points, and then by optical flow.

    Draws the images that drifted most into the run folder.

    Args:
        run: the run whose refiner made the sample.
        source: the data set of the sample, with its labels.
        sample: synthetic images and their refined versions. Drift is measured from what R saw. If the run frames
            images before R, no localiser is trained, since points lie elsewhere in the framed images.
        points: name of the label that the localiser learns; None: the first that holds points or masks.
        steps: training steps of the localiser.
        seed: seed of the localiser.
        console: where progress goes.
    """
    flow = Drift(displacement(sample.unrefined, sample.refined))
    found = [drift_result(flow, sample.names, "optical flow", picture=_draw_worst(run, sample, flow, None))]
    warnings: list[str] = []
    name = points or _first_points(source, sample, warnings)
    if name is not None and sample.framed:
        warnings.append(
            f"This run gives images the framing of the photographs before R, so the points of {name} lie elsewhere: "
            "no localiser measured their drift. Optical flow measured the drift of all content."
        )
    elif name is not None and sample.cropped:
        warnings.append(
            f"Training took crops, so the drift of {name}, which is in pixels of whole images, was not measured by a "
            "localiser. Optical flow measured the drift of all content, in the middle crops of the images."
        )
    elif name is not None and sample.resized:
        warnings.append(
            f"The images have several sizes, so the drift of {name}, which is in pixels, was not measured by a "
            "localiser. Optical flow measured the drift of all content, with the images at the size of training."
        )
    elif name is not None:
        places = as_points(source.labels(name, sample.indices), sample.size, name)
        with show_progress(console, "localiser", "steps") as on_progress:
            read = drift_of_points(
                sample.unrefined,
                sample.refined,
                places,
                steps=steps,
                seed=seed,
                on_progress=on_progress,
            )
        held_out = [int(index) for index in read.held_out]
        names = [sample.names[index] for index in held_out]
        picture = _draw_worst(run, sample, read.drift, held_out)
        by = f"localiser of {name}"
        found.insert(0, drift_result(read.drift, names, by, own_error=read.own_error, picture=picture))
        if (warning := own_error_warning(found[0])) is not None:
            warnings.append(warning)
    return tuple(found), warnings


def _first_points(source: ImageSource, sample: Sample, warnings: list[str]) -> str | None:
    """The first label of points, or of masks that have every class in every image: such classes have a place."""
    for name in source.label_names:
        try:
            labels = source.labels(name, sample.indices)
            if choose_task(name, labels, sample.size).name not in ("points", "segmentation"):
                continue
        except DataError:
            continue
        try:
            as_points(labels, sample.size, name)
        except DataError as error:
            warnings.append(f"The drift of {name} was not measured by a localiser ({error})")
            continue
        return name
    return None


def _draw_worst(run: Run, sample: Sample, drift: Drift, among: Sequence[int] | None) -> str:
    """Draws the ten images that drifted most and returns the file's name.

    `among` are the rows of the sample that `drift.each` was measured on, in its order; None stands for all.
    """
    rows = [index if among is None else among[index] for index in worst_first(drift)]
    name = "worst-by-flow.png" if among is None else "worst-by-localiser.png"
    (run.path / FOLDER).mkdir(exist_ok=True)
    picture_sheet(sample.unrefined[rows], sample.refined[rows]).save(run.path / FOLDER / name)
    return name
