"""Images of a data set that refining sets aside, and the list of them beside the output."""

import csv
import io
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.files.folders import output_error, partial_of, write_whole
from simgan.images import ImageSource


class SetAside(NamedTuple):
    """An image whose content refining moved too far, or that could not be used."""

    name: str
    drift: float | None
    """px; None if the image could not be used."""
    reason: str
    copied: tuple[str, ...] = ()
    """Files of a folder that differ from the image only in suffix or subfolder, such as its labels. They are in the
    output although the image is not."""


class Quarantine:
    """Decides which refined images stay, and lists the others.

    Use it as a context manager around the writing of the output: if writing ends with an error, the list is removed.

    Args:
        whole: the data set, including the images that cannot be used.
        source: the same data set without these images.
        output: where the refined images go.
        max_drift: px; see `simgan.refining.data_set.refine_data_set`.

    Raises:
        DataError: `max_drift` is not positive and finite.
    """

    def __init__(self, whole: ImageSource, source: ImageSource, output: Path, max_drift: float | None) -> None:
        if max_drift is not None and not 0 < max_drift < math.inf:  # NaN is not either
            raise DataError(
                f"max_drift: expected a positive, finite number of pixels, received {max_drift}; give pixels "
                "(--max-drift 1.0), or leave it out to set no image aside"
            )
        self._whole, self._output, self._max_drift = whole, output, max_drift
        self._pixel_range = source.pixel_range
        self._aside = {image.place: SetAside(image.name, None, image.reason) for image in source.left_out}
        self._list = quarantine_list(output)
        self._has_list = max_drift is not None or bool(self._aside)
        self._owns_list = False

    @property
    def has_list(self) -> bool:
        """Whether this job writes a list."""
        return self._has_list

    def check_list(self, *, take_over: bool) -> None:
        """Checks that no list of another job is beside the output, even if this job writes none: it would be taken
        for a list of this output.

        Args:
            take_over: whether the list may be that of an interrupted job which this job continues.

        Raises:
            DataError: there is a list of another job. It stays as it is.
        """
        if os.path.lexists(self._list) and not (take_over and self._has_list):
            raise DataError(
                f"{self._list}: expected no list of images set aside beside a new output, received one of an earlier "
                "job; rename it, remove it or choose another output"
            )

    def begin(self, *, take_over: bool) -> None:
        """As `check_list`; removes the list of the job that this one continues. A job without a list removes none."""
        self.check_list(take_over=take_over)
        self._owns_list = self._has_list
        self._remove_list()

    def stay(self, indices: list[int], synthetic: NDArray[Any], refined: NDArray[Any]) -> NDArray[np.bool_]:
        """(N,): whether each image, at `indices` of the whole set, moved little enough; the others are set aside."""
        if self._max_drift is None:
            return np.ones(len(indices), bool)
        from simgan.framing.displacement import displacement  # imported on use, because it imports OpenCV

        moved = displacement(self._pixel_range.to_model(synthetic), self._pixel_range.to_model(refined))
        stays: NDArray[np.bool_] = moved <= self._max_drift
        for place in np.flatnonzero(~stays):
            index, reason = indices[place], f"content moved by more than {self._max_drift:g} px"
            self._aside[index] = SetAside(self._whole.names[index], float(moved[place]), reason)
        return stays

    def found(self, copied: Callable[[int], tuple[str, ...]] = lambda index: ()) -> list[SetAside]:
        """The images set aside, in the order of the whole set.

        Args:
            copied: see `simgan.images.ImageWriter.copied_beside`.

        Raises:
            DataError: every image is set aside.
        """
        if len(self._aside) == len(self._whole):
            limit = "" if self._max_drift is None else f" whose content moved by no more than {self._max_drift:g} px"
            way_out = "" if self._max_drift is None else "allow more drift, train with a smaller --drift-budget or "
            raise DataError(
                f"{self._output}: expected images that can be used{limit}, received none, so nothing was written; "
                f"{way_out}check the images"
            )
        return [self._aside[index]._replace(copied=copied(index)) for index in sorted(self._aside)]

    def write_list(self, found: list[SetAside], *, leaves_out: bool) -> None:
        """Writes the list, if there is one to write. It is called just before the output gets its final name.

        Args:
            found: what `found` gave.
            leaves_out: whether the output lacks the images set aside; otherwise it has them unrefined.

        Raises:
            OutputError: the list cannot be written.
        """
        if not self._has_list:
            return
        try:
            write_whole(self._list, _as_csv(found, leaves_out=leaves_out))
        except OSError as error:
            raise output_error(self._list, error, "the list and the unfinished output were removed") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._remove_list()

    def _remove_list(self) -> None:
        if self._owns_list:
            self._list.unlink(missing_ok=True)
            partial_of(self._list).unlink(missing_ok=True)


def quarantine_list(output: Path) -> Path:
    """The list of the images that were set aside, beside `output`."""
    return output.with_name(f"{output.name}.quarantine.csv")


def _as_csv(found: list[SetAside], *, leaves_out: bool) -> bytes:
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("name", "drift_px", "reason", "kept"))
    kept = "left out" if leaves_out else "as it was, unrefined"
    for name, drift, reason, copied in found:
        beside = f"; copied all the same: {', '.join(copied)}" if copied else ""
        rows.writerow((name, "" if drift is None else f"{drift:.3f}", reason, kept + beside))
    return text.getvalue().encode("utf-8", "surrogateescape")
