"""Tables (CSV, TSV) with one row for each image: finding the table, its column of file names, and its labels."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from simgan.errors import DataError
from simgan.labels.columns import Columns, TableLabel, join_columns, parse_number
from simgan.labels.contents import FolderContents
from simgan.labels.label import Found, Label
from simgan.labels.names import NameIndex
from simgan.labels.table_rows import Table, TableRows, rows_of

SUFFIXES = (".csv", ".tsv")
_MOST_FILES = 20  # largest number of tables that are read. Ours.
_LOOKED_AT = 5000  # first rows, in which the column that names the images is looked for
_ENOUGH = 64  # rows by which columns of numbers are told from columns of words
_FILE_COLUMN_NAMES = frozenset(
    re.findall(r"\w+", "file filename file_name image image_name img name path filepath file_path image_path")
)
_CLASS_COLUMN = re.compile(
    r"(^|[\W_])(class|label|category|target|digit)(es|s)?([\W_]|$)|(class|label|category)_?id$", re.I
)


def find_tables(contents: FolderContents) -> Found:
    """The labels in the table inside the folder, or in a table beside the folder that has the folder's name."""
    paths, notes = _candidates(contents)
    tables: list[Table] = []
    explained: list[Path] = []  # tables that a note explains and that are not read
    for path in paths:
        try:
            tables.append(_look_at(path, contents.index))
        except DataError as error:
            copied = ", only copied" if path.is_relative_to(contents.root) else ""
            notes.append(f"{path.name!r} is not read as labels{copied}: {str(error).removeprefix(f'{path}: ')}")
            explained.append(path)
    chosen = [table for table in tables if _is_called_labels(table.path.name)] if len(tables) > 1 else tables
    labels: dict[str, Label] = {}
    if len(chosen) == 1:
        (table,) = chosen
        columns = _labels_of(table)
        rows = TableRows(contents, table)
        labels = {name: TableLabel(rows, one) for name, one in columns.items()}
        notes.insert(0, _note(table, columns, table.path.is_relative_to(contents.root)))
    elif tables:
        listed = ", ".join(repr(table.path.name) for table in tables[:5])
        notes.append(f"{len(tables)} tables name the images ({listed}), so none is read; rename one to labels.csv")
    in_use = [table.path for table in chosen] if labels else []
    read, unread = (_inside(contents, some) for some in (in_use, explained))
    return Found(labels, tuple(notes), read | unread, unread)


def _inside(contents: FolderContents, paths: Sequence[Path]) -> frozenset[str]:
    """The names of the files that lie inside the folder."""
    return frozenset(
        path.relative_to(contents.root).as_posix() for path in paths if path.is_relative_to(contents.root)
    )


def _candidates(contents: FolderContents) -> tuple[list[Path], list[str]]:
    """The tables that may hold labels, and a note if there are too many to read them."""
    inside = [name for name in contents.others if name.lower().endswith(SUFFIXES)]
    notes = []
    if len(inside) > _MOST_FILES:  # perhaps one for each image: reading them all would take long
        named = [name for name in inside if _is_called_labels(name)][:_MOST_FILES]
        if not named:
            notes = [f"{len(inside)} tables are more than {_MOST_FILES}, so none is read; rename one to labels.csv"]
        inside = named
    root = contents.root.absolute()
    beside = [root.parent / f"{root.name}{suffix}" for suffix in SUFFIXES]
    return [contents.root / name for name in inside] + [path for path in beside if path.is_file()], notes


def _is_called_labels(name: str) -> bool:
    return name.rpartition("/")[2].rpartition(".")[0].lower() == "labels"


def _note(table: Table, columns: dict[str, Columns], inside: bool) -> str:
    if not columns:
        return f"{table.path.name!r} names the images, but has no other column, so it is not read as labels"

    def described(name: str, one: Columns) -> str:
        kind = "numbers" if one.numeric else "words"
        width = len(one.columns)
        return repr(name) + (f" ({width} {kind})" if width > 1 else " (number)" if one.numeric else " (words)")

    listed = ", ".join(described(name, one) for name, one in list(columns.items())[:8])
    more = f", ... ({len(columns)} in all)" if len(columns) > 8 else ""
    outside = "" if inside else "; the table lies beside the folder, so refining does not copy it"
    of_files = repr(table.names[table.file_column]) if table.header else f"number {table.file_column + 1}"
    return f"labels from {table.path.name!r}, where column {of_files} names the images: {listed}{more}{outside}"


def _look_at(path: Path, index: NameIndex) -> Table:
    """Reads the first rows of a table. Raises DataError if no column names images."""
    delimiter = _delimiter(path)
    first = list(islice(rows_of(path, delimiter), _LOOKED_AT))
    width = len(first[0]) if first else 0
    found: list[dict[int, int]] = [{} for _ in range(width)]  # for each column, the row of each image that it names
    for number, row in enumerate(first):
        for column, cell in enumerate(row[:width]):
            if cell and (image := index.find(cell)) is not None:
                found[column].setdefault(image, number)
    usual = [first[0][column].lower() in _FILE_COLUMN_NAMES for column in range(width)]
    best = max(range(width), key=lambda column: (len(found[column]), usual[column]), default=0)
    if not width or not found[best]:
        raise DataError(
            f"{path}: expected a column with the file names of the images, received none in {len(first)} rows; "
            "add one to use the table as labels"
        )
    header = 0 not in found[best].values()
    names = first[0] if header else tuple(f"column_{number + 1}" for number in range(width))
    if not header and width == 2:
        names = tuple("label" if column != best else name for column, name in enumerate(names))
    rows = [first[number] for number in sorted(found[best].values())[:_ENOUGH]]
    return Table(path, delimiter, header, names, best, tuple(row for row in rows if len(row) == width))


def _delimiter(path: Path) -> str:
    """The delimiter that is most common in the first line; for .tsv the tab."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    try:
        with path.open("rb") as file:
            line = file.readline(2**16)
    except OSError:
        return ","  # reading the rows raises the error
    return max(",;\t", key=lambda one: line.count(one.encode()))


def _labels_of(table: Table) -> dict[str, Columns]:
    """The labels in the columns of a table."""
    others = [column for column in range(len(table.names)) if column != table.file_column and table.names[column]]
    numeric = {
        column: table.names[column]
        for column in others
        if _holds_numbers([row[column] for row in table.rows], table.names[column], table.delimiter)
    }
    words = {table.names[column]: Columns((column,), False) for column in others if column not in numeric}
    return {**join_columns(numeric), **words}


def _holds_numbers(cells: Sequence[str], name: str, delimiter: str) -> bool:
    """Whether a column holds numbers, some of which may be missing. Whole numbers are classes if its name says so."""
    filled = [cell for cell in cells if cell and cell.lower() != "nan"]
    if not filled or any(math.isnan(parse_number(cell, delimiter)) for cell in filled):
        return False
    return not (_CLASS_COLUMN.search(name) and all(re.fullmatch(r"-?\d+", cell) for cell in filled))
