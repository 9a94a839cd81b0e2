"""The label that synthetic and labelled real images share: its name, its task, and its values in both sets."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.evaluation.refined_sample import Sample
from simgan.evaluation.same_classes import labels_with_classes_of
from simgan.evaluation.tasks import Task, TaskName, choose_task
from simgan.images import ImageSource

_HINT = " 'simgan check FOLDER' says which files of a folder are read as labels."


def shared_label(synthetic: ImageSource, test: ImageSource, wanted: str | None) -> str:
    """The name of the label: `wanted`, or the only one that both sets have.

    Raises:
        DataError: there is no such label, or the choice is not clear.
    """
    shared = [name for name in synthetic.label_names if name in test.label_names]
    if wanted in shared:
        return wanted
    if wanted is None and len(shared) == 1:
        return shared[0]
    hint = _HINT if synthetic.path.is_dir() or test.path.is_dir() else ""
    received = repr(wanted) if wanted else f"{len(shared)} such labels"
    raise DataError(
        f"label: expected one label that {synthetic.path} and {test.path} both have, received {received}; choose with "
        f"--label one of: {', '.join(shared) or 'none'} (synthetic has {', '.join(synthetic.label_names) or 'none'}, "
        f"the test images {', '.join(test.label_names) or 'none'}).{hint}"
    )


def read_label(
    source: ImageSource, test: ImageSource, sample: Sample, label: str, wanted: TaskName | None
) -> tuple[Task, NDArray[Any], NDArray[Any]]:
    """The task of the label, and its values for the sample of `source` and for all images of `test`.

    Raises:
        DataError: the label cannot be learnt, or the two sets have it in different forms.
    """
    labels = source.labels(label, sample.indices)
    task = choose_task(label, labels, sample.size, wanted)
    tested = labels_with_classes_of(source, test, label)
    if tested.shape[1:] != labels.shape[1:]:
        raise DataError(
            f"real-test: expected the label {label!r} to have the shape {labels.shape[1:]} for each image, as in "
            f"{source.path}, received {tested.shape[1:]} in {test.path}; convert the labels."
        )
    if task.name == "classification" and _are_words(labels) != _are_words(tested):
        raise DataError(
            f"real-test: expected the classes {label!r} to be {'words' if _are_words(labels) else 'numbers'}, as in "
            f"{source.path}, received {tested.dtype} in {test.path}; convert the labels."
        )
    if task.name == "points" and sample.resized:
        raise DataError(
            f"label: expected images of one size for {label!r}, which is in pixels, received several sizes "
            f"in {source.path}; evaluate the images of each size separately."
        )
    if task.name == "points" and {test.size(index) for index in range(len(test))} != {sample.size}:
        raise DataError(
            f"real-test: expected images of {sample.size[0]}x{sample.size[1]} like the synthetic ones, because the "
            f"label {label!r} is in pixels, received other sizes in {test.path}; resize images and labels."
        )
    return task, labels, tested


def _are_words(labels: NDArray[Any]) -> bool:
    return np.asarray(labels).dtype.kind in "SUO"
