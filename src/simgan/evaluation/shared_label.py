"""The label that synthetic and labelled real images share: its name, its task, and its values in both sets."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.evaluation.refined_sample import LONGEST_SIDE, Sample
from simgan.evaluation.same_classes import labels_with_classes_of
from simgan.images import ImageSource
from simgan.matching.true_labels import kind_of_label
from simgan.tasks.boxes import are_boxes, as_boxes, scaled
from simgan.tasks.choice import choose_task
from simgan.tasks.detection import Detection
from simgan.tasks.segmentation import Segmentation, resized_masks
from simgan.tasks.task import Task, TaskName, images_without_numbers

_HINT = " 'simgan check FOLDER' says which files of a folder are read as labels."


class SharedLabel(NamedTuple):
    """A label of two sets."""

    task: Task
    synthetic: NDArray[Any]
    """Values (N, ...) for a sample of the synthetic images."""
    real: NDArray[Any]
    """Values (M, ...) for all labelled real images."""


def shared_label(synthetic: ImageSource, test: ImageSource, wanted: str | None) -> str:
    """The name of the label: `wanted`, or the name of the only label that both sets have.

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
) -> SharedLabel:
    """The task of the label, and its values for the sample of `source` and for all images of `test`.

    Raises:
        DataError: no estimator can learn the label, the run's framing makes it wrong, or its forms in the two sets
            differ.
    """
    labels = source.labels(label, sample.indices)
    _check_finite(labels, label, source)
    if sample.framed and kind_of_label(label, labels) != "class":
        raise DataError(
            "label: expected a class, because this run gives images the framing of the photographs, received "
            f"{label!r} of {source.path}, which the framing would make wrong; choose a label of classes with --label, "
            "or train with --framing keep."
        )
    own = _own_size(source, sample)
    task = choose_task(label, labels, own, wanted)
    if isinstance(task, Segmentation | Detection):
        task = replace(task, size=sample.size)
    tested = labels_with_classes_of(source, test, label)
    _check_finite(tested, label, test)
    _check_form(task, labels, tested, label, source, test)
    _check_classes(task, tested, label, test)
    if task.name in ("points", "segmentation", "detection"):
        labels, tested = _at_one_size(task, labels, tested, label, source, test, sample)
    return SharedLabel(task, labels, tested)


def _check_finite(labels: NDArray[Any], label: str, source: ImageSource) -> None:
    """Raises DataError if numbers of the label are missing: no estimator learns from them."""
    if missing := images_without_numbers(labels):
        raise DataError(
            f"label: expected numbers for every image, received {label!r} of {source.path} with missing or infinite "
            f"numbers in {missing} of {len(labels)} images; leave these images out."
        )


def notes_on(task: Task, label: str, wanted: TaskName | None) -> list[str]:
    """Guesses about the label that are not obvious, each with the option that changes it."""
    if not isinstance(task, Segmentation) or wanted is not None:
        return []
    classes = ", ".join(map(str, task.classes))
    return [
        f"The label {label!r} is learnt as masks, whose pixels have the classes {classes}. Negative pixels are left "
        "out, and so is 255 if it is not among the classes. --task points learns the centres of the classes instead."
    ]


def _check_form(
    task: Task, labels: NDArray[Any], tested: NDArray[Any], label: str, source: ImageSource, test: ImageSource
) -> None:
    """Raises DataError if the label has another form in the real images than in the synthetic images."""
    if isinstance(task, Detection):
        if not are_boxes(tested):
            raise DataError(
                f"real-test: expected boxes (x, y, width, height in px, class) for each image as label {label!r}, as "
                f"in {source.path}, received {tested.shape} {tested.dtype} in {test.path}; convert the labels."
            )
        return
    resizable = isinstance(task, Segmentation) and tested.dtype.kind in "iub" and _sizes(test) == {tested.shape[1:]}
    if tested.shape[1:] != labels.shape[1:] and not resizable:
        raise DataError(
            f"real-test: expected the label {label!r} to have the shape {labels.shape[1:]} for each image, as in "
            f"{source.path}, received {tested.shape[1:]} in {test.path}; convert the labels."
        )
    if task.name == "classification" and _are_words(labels) != _are_words(tested):
        raise DataError(
            f"real-test: expected the classes {label!r} to be {'words' if _are_words(labels) else 'numbers'}, as in "
            f"{source.path}, received {tested.dtype} in {test.path}; convert the labels."
        )


def _at_one_size(
    task: Task,
    labels: NDArray[Any],
    tested: NDArray[Any],
    label: str,
    source: ImageSource,
    test: ImageSource,
    sample: Sample,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Labels in pixels of both sets, changed so that they fit images that are resized to the size of the sample.

    Raises:
        DataError: synthetic images have several sizes and the labels are no boxes, or the labels are points and real
            images have another size.
    """
    if isinstance(task, Detection):
        sizes = [source.size(index) for index in sample.indices], [test.size(index) for index in range(len(test))]
        return scaled(labels, sizes[0], sample.size), scaled(tested, sizes[1], sample.size)
    own = _own_size(source, sample)
    if sample.resized and own == sample.size:
        raise DataError(
            f"label: expected images of one size for {label!r}, which is in pixels, received several sizes "
            f"in {source.path}; evaluate the images of each size separately."
        )
    if isinstance(task, Segmentation) and _sizes(test) == {tested.shape[1:]}:
        return resized_masks(labels, sample.size), resized_masks(tested, sample.size)
    if own != sample.size:
        raise DataError(
            f"label: expected images of at most {LONGEST_SIDE} px for {label!r}, which is in pixels, received "
            f"{own[0]}x{own[1]} in {source.path}, which are shrunk to {sample.size[0]}x{sample.size[1]} because "
            "training took crops; choose another --label, or train on whole images with --size HxW."
        )
    if _sizes(test) != {sample.size}:
        raise DataError(
            f"real-test: expected images of {sample.size[0]}x{sample.size[1]} like the synthetic ones, because the "
            f"label {label!r} is in pixels, received other sizes in {test.path}; resize images and labels."
        )
    return labels, tested


def _own_size(source: ImageSource, sample: Sample) -> tuple[int, int]:
    """The size of the images of the sample before these were resized, if it is one size; else that of the sample."""
    sizes = {source.size(index) for index in sample.indices}
    return sizes.pop() if len(sizes) == 1 else sample.size


def _sizes(source: ImageSource) -> set[tuple[int, int]]:
    return {source.size(index) for index in range(len(source))}


def _check_classes(task: Task, tested: NDArray[Any], label: str, test: ImageSource) -> None:
    """Raises DataError if masks or boxes of the real images have none of the classes that estimators learn."""
    if isinstance(task, Segmentation):
        found = tested[task.labelled(tested)]
    elif isinstance(task, Detection):
        found = np.concatenate(as_boxes(tested))[:, 4]
    else:
        return
    if not np.isin(found, task.classes).any():
        raise DataError(
            f"real-test: expected the classes {', '.join(map(str, task.classes))} in the label {label!r}, as in the "
            f"synthetic set, received none of them in {test.path}; convert the labels."
        )


def _are_words(labels: NDArray[Any]) -> bool:
    return np.asarray(labels).dtype.kind in "SUO"
