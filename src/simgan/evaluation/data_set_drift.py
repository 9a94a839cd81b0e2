"""Drift between the files of a data set and of its refined version: `simgan drift`."""

import numpy as np
from rich.console import Console

from simgan.console.progress import show_progress
from simgan.console.silent import SILENT
from simgan.errors import DataError
from simgan.evaluation import Drift, drift_of_points, drift_result, structural_similarity
from simgan.evaluation.results import DriftResult
from simgan.evaluation.same_classes import labels_with_classes_of
from simgan.framing.displacement import displacement
from simgan.images import ImageSource, read_all, require_one_size
from simgan.images.channels import check_same_channels
from simgan.tasks.points import as_points


def drift_of_data_sets(
    synthetic: ImageSource,
    refined: ImageSource,
    points: str | None,
    *,
    steps: int = 1200,
    seed: int = 0,
    console: Console = SILENT,
) -> tuple[DriftResult, float]:
    """Drift between a data set and its refined version, and their structural similarity.

    Args:
        synthetic: images of one size; read into memory.
        refined: the same images refined; some may have been set aside.
        points: name of a label of points or masks, whose drift a localiser measures; None: optical flow measures the
            displacement of all content.
        steps: training steps of the localiser.
        seed: seed of the localiser.
        console: where progress goes.

    Raises:
        DataError: the sets do not fit together, or the label cannot be used.
    """
    check_same_channels(synthetic, refined)
    size = require_one_size(synthetic)
    indices, names = {name: index for index, name in enumerate(synthetic.names)}, list(refined.names)
    same = all(name in indices for name in names) and require_one_size(refined) == size
    kept = [indices[name] for name in names] if same else []
    labels = None
    if same and points:
        labels = synthetic.labels(points, kept), labels_with_classes_of(synthetic, refined, points)
    if not same or (labels is not None and not np.array_equal(*labels)):
        raise DataError(
            f"refined: expected the images and labels of {synthetic.path}, received others in {refined.path}; "
            "give the output that 'simgan refine' wrote for them."
        )
    labelled = as_points(labels[1], size, points) if labels is not None and points else None
    x, x_refined = read_all(synthetic)[kept], read_all(refined)
    if labelled is None or points is None:
        result = drift_result(Drift(displacement(x, x_refined)), names, "optical flow")
    else:
        with show_progress(console, "localiser", "steps") as on_progress:
            read = drift_of_points(x, x_refined, labelled, steps=steps, seed=seed, on_progress=on_progress)
        held_out = [names[index] for index in read.held_out]
        result = drift_result(read.drift, held_out, f"localiser of {points}", own_error=read.own_error)
    return result, float(structural_similarity(x, x_refined).mean())
