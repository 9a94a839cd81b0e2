"""The rows of a table (CSV, TSV) by image."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from simgan.errors import DataError
from simgan.labels.contents import FolderContents

MAX_TABLE = 512 * 2**20  # largest size of a table in bytes. Ours.


class Table(NamedTuple):
    """A table whose rows belong to images."""

    path: Path
    delimiter: str
    header: bool
    """Whether the first row holds the names of the columns."""
    names: tuple[str, ...]
    """Names of the columns."""
    file_column: int
    """Position of the column that names the images."""
    rows: tuple[tuple[str, ...], ...]
    """The first rows that name an image."""


class TableRows:
    """The rows of a table by image. The table is read once, when a row is first requested."""

    def __init__(self, contents: FolderContents, table: Table) -> None:
        self._contents, self.table = contents, table
        self._rows: dict[int, tuple[str, ...]] | None = None

    def of(self, indices: Sequence[int]) -> list[tuple[str, ...]]:
        """The row of each image. Raises DataError if an image has no row, or several."""
        if self._rows is None:
            self._rows = self._read()
        self._contents.require_all(indices, self._rows, f"a row in {self.table.path.name!r}")
        return [self._rows[index] for index in indices]

    def name(self, index: int) -> str:
        """The name of an image."""
        return self._contents.names[index]

    def _read(self) -> dict[int, tuple[str, ...]]:
        rows: dict[int, tuple[str, ...]] = {}
        table, find = self.table, self._contents.index.find
        for number, row in enumerate(rows_of(table.path, table.delimiter)):
            if (number == 0 and table.header) or len(row) <= table.file_column:
                continue
            index = find(row[table.file_column])
            if index is None:
                continue
            if index in rows:
                raise DataError(
                    f"{table.path}: expected one row for each image, received several for "
                    f"{self._contents.names[index]!r}; give boxes as COCO, YOLO or VOC files, or remove rows"
                )
            if len(row) != len(table.names):
                raise DataError(
                    f"{table.path}: expected {len(table.names)} columns in each row, received {len(row)} in row "
                    f"{number + 1}; mend the row"
                )
            rows[index] = row
        return rows


def rows_of(path: Path, delimiter: str) -> Iterator[tuple[str, ...]]:
    """The rows of a table that are not empty. Raises DataError if the file is no table in UTF-8, or too large."""
    try:
        if (size := path.stat().st_size) > MAX_TABLE:
            raise DataError(f"{path}: expected at most {MAX_TABLE} bytes, received {size}; split or remove the file")
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.reader(file, delimiter=delimiter, strict=True):
                if row:
                    yield tuple(cell.strip() for cell in row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path}: expected a table in UTF-8, received one that cannot be read ({error}); save it as CSV in UTF-8"
        ) from error
