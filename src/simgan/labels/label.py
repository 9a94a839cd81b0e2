"""`Label`: one label of all images of a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from numpy.typing import NDArray


class Label(Protocol):
    """One label of the images of a folder. No file is read before one of these members is used."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that whole numbers in the label stand for; () if there are none or they are unknown.

        Classes that are found while labels are read are added at the end, so ask for them after `read`.
        """

    def read(self, indices: Sequence[int]) -> NDArray[Any]:
        """The labels of the images at `indices`, one row each.

        Raises DataError if an image has no label, or if a file is damaged.
        """


@dataclass(frozen=True)
class Found:
    """The labels that were found in a folder."""

    labels: Mapping[str, Label] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """Lines for the user: which files are read as which label, and which files were not understood."""
    files: frozenset[str] = frozenset()
    """The files that hold the labels, and those of which a note says why they are not read. Masks and other pictures
    are not among them."""
    unread: frozenset[str] = frozenset()
    """Those of `files` of which no label is read."""
