"""`Label`: one label of all images of a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from numpy.typing import NDArray


class Label(Protocol):
    """One label of the images of a folder. Files are read only by the members below."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that the whole numbers of the label stand for; () if it has none or they are unknown.

        Classes that are found while labels are read are added at the end, so ask for them after `read`.
        """

    def read(self, indices: Sequence[int]) -> NDArray[Any]:
        """The labels of the images at `indices`, one row each.

        Raises DataError if an image has no label, or if a file is damaged.
        """


@dataclass(frozen=True)
class Found:
    """What was found in a folder."""

    labels: Mapping[str, Label] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What was taken as which label, and what was not understood. A user reads each as a line."""
    files: frozenset[str] = frozenset()
    """The files, of those that are no pictures, that hold the labels, or of which a note says why they do not."""
