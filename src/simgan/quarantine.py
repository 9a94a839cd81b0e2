"""Images of a data set that refining sets aside, and the list of them beside the output."""

import csv
import io
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.folders import write_whole
from simgan.images import ImageSource


class SetAside(NamedTuple):
    """An image that refining moved too far, or that could not be used."""

    name: str
    drift: float | None
    """px; None if it could not be used."""
    reason: str


class Quarantine:
    """Decides which refined images stay, and remembers the others.

    Args:
        whole: the data set, with the images that cannot be used.
        source: the same without these.
        output: where its refined images go.
        max_drift: px; see `simgan.refining.refine_data_set`.

    Raises:
        DataError: `max_drift` is not positive, or the list exists.
    """

    def __init__(self, whole: ImageSource, source: ImageSource, output: Path, max_drift: float | None) -> None:
        if max_drift is not None and not max_drift > 0:
            raise DataError(f"max_drift: expected a positive number of pixels, received {max_drift}; give 1.0, say.")
        self._whole, self._output, self._max_drift = whole, output, max_drift
        self._pixel_range = source.pixel_range
        self._aside = {image.place: SetAside(image.name, None, image.reason) for image in source.left_out}
        self._list = quarantine_list(output) if max_drift is not None or self._aside else None
        if self._list and os.path.lexists(self._list):
            raise DataError(
                f"{self._list}: expected a name not in use, received one that is; remove it or name another output"
            )

    def stay(self, indices: list[int], synthetic: NDArray[Any], refined: NDArray[Any]) -> NDArray[np.bool_]:
        """(N,): which of the images, at `indices` of the whole set, moved little enough; others are set aside."""
        if self._max_drift is None:
            return np.ones(len(indices), bool)
        from simgan.evaluation.displacement import displacement  # on use, like OpenCV

        moved = displacement(self._pixel_range.to_model(synthetic), self._pixel_range.to_model(refined))
        stays: NDArray[np.bool_] = moved <= self._max_drift
        for place in np.flatnonzero(~stays):
            index, reason = indices[place], f"content moved by more than {self._max_drift:g} px"
            self._aside[index] = SetAside(self._whole.names[index], float(moved[place]), reason)
        return stays

    def close(self, *, leaves_out: bool) -> list[SetAside]:
        """Writes the list, if there is to be one; returns it, in the order of the whole set.

        Raises:
            DataError: every image is set aside.
        """
        if len(self._aside) == len(self._whole):
            raise DataError(
                f"{self._output}: expected images that moved by no more than {self._max_drift or 0:g} px, received "
                "none; nothing was kept, allow more drift or train with a smaller --drift-budget"
            )
        found = [self._aside[index] for index in sorted(self._aside)]
        if self._list:
            _write_list(self._list, found, leaves_out=leaves_out)
        return found


def quarantine_list(output: Path) -> Path:
    """The list of the images that were set aside, beside `output`."""
    return output.with_name(f"{output.name}.quarantine.csv")


def _write_list(path: Path, found: list[SetAside], *, leaves_out: bool) -> None:
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("name", "drift_px", "reason", "kept"))
    kept = "left out" if leaves_out else "as it was, unrefined"
    for name, drift, reason in found:
        rows.writerow((name, "" if drift is None else f"{drift:.3f}", reason, kept))
    write_whole(path, text.getvalue().encode("utf-8", "surrogateescape"))
