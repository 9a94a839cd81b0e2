"""Labels from columns of a table: single columns of numbers or words, and columns that are joined into one vector."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.labels.table_rows import TableRows

_LETTERED = re.compile(r"(?:(.+)[_.\- ])?(pitch|yaw|[xyz])$", re.I)
_LONGEST_WORD = 1000  # characters. In an array of texts, each takes as much memory as the longest. Ours.
_NUMBERED = re.compile(r"(.+)_(\d+)$")


class Columns(NamedTuple):
    """The columns of a table that make up one label."""

    columns: tuple[int, ...]
    """Positions in the table."""
    numeric: bool


def parse_number(cell: str, delimiter: str) -> float:
    """The number in a cell, NaN if it holds none. A table whose delimiter is ';' may have decimal commas."""
    try:
        return float(cell.replace(",", ".") if delimiter == ";" else cell)
    except ValueError:
        return math.nan


def join_columns(names: Mapping[int, str]) -> dict[str, Columns]:
    """Joins columns of numbers into labels. `names`: the name of each column, by its position in the table.

    'pitch' and 'yaw' become 'gaze'; 'NAME_pitch' and 'NAME_yaw' become 'NAME'. 'x', 'y' and, if there is one, 'z'
    become 'point'; with 'NAME_' before each they become 'NAME'. 'NAME_0', 'NAME_1', ... or 'NAME_1', 'NAME_2', ...
    become 'NAME'. Every other column is a label of its own.
    """
    groups: dict[tuple[str, str], dict[str, int]] = {}
    for column, name in names.items():
        if match := _LETTERED.fullmatch(name):
            last = match[2].lower()
            angles = last in ("pitch", "yaw")
            joined = match[1] or ("gaze" if angles else "point")
            groups.setdefault((joined, "angles" if angles else "letters"), {}).setdefault(last, column)
        elif match := _NUMBERED.fullmatch(name):
            groups.setdefault((match[1], "numbers"), {}).setdefault(str(int(match[2])), column)
    labels: dict[str, Columns] = {}
    used: set[int] = set()
    taken = set(names.values())
    for (joined, kind), members in groups.items():
        order = _order(kind, members)
        if order and joined not in labels and joined not in taken:
            labels[joined] = Columns(tuple(members[one] for one in order), True)
            used.update(labels[joined].columns)
    return labels | {name: Columns((column,), True) for column, name in names.items() if column not in used}


def _order(kind: str, members: Mapping[str, int]) -> list[str]:
    """The ends of the columns' names in the order of the vector; [] if the columns are no complete vector."""
    if kind == "angles":
        return ["pitch", "yaw"] if len(members) == 2 else []
    if kind == "letters":
        return next((list(order) for order in ("xyz", "xy") if set(order) == set(members)), [])
    numbers = sorted(map(int, members))
    whole = len(numbers) > 1 and numbers[0] in (0, 1) and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    return [str(number) for number in numbers] if whole else []


@dataclass(frozen=True)
class TableLabel:
    """A label in columns of a table."""

    rows: TableRows
    columns: Columns
    classes: tuple[str, ...] = ()

    def read(self, indices: Sequence[int]) -> NDArray[Any]:
        """(N,) texts, (N,) floats, or (N, K) floats for K joined columns."""
        table, columns = self.rows.table, self.columns.columns
        cells = [[row[column] for column in columns] for row in self.rows.of(indices)]
        if not self.columns.numeric:
            words = [row[0] for row in cells]
            longest = max(words, key=len, default="")
            if len(longest) > _LONGEST_WORD:
                raise DataError(
                    f"{table.path}: expected words of at most {_LONGEST_WORD} characters in the column "
                    f"{table.names[columns[0]]!r}, received {len(longest)} characters; choose another label"
                )
            return np.array(words, np.str_)
        values = np.array([[parse_number(cell, table.delimiter) for cell in row] for row in cells], np.float64)
        if not np.isfinite(values).all():
            row, column = (int(place[0]) for place in np.nonzero(~np.isfinite(values)))
            raise DataError(
                f"{table.path}: expected a finite number in the column {table.names[columns[column]]!r}, received "
                f"{cells[row][column]!r} for {self.rows.name(indices[row])!r}; mend the cell"
            )
        return values if len(columns) > 1 else values[:, 0]
