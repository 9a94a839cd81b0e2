"""Copying what a data set holds beside its images, such as labels. If it cannot be read, the error names the input."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

from simgan.errors import DataError
from simgan.images.arrays import one_line

COPY_BYTES = 2**20


def unreadable(where: str, error: BaseException) -> DataError:
    """The error to raise when `where`, which is not an image but a part of the input, cannot be read."""
    return DataError(
        f"{where}: expected content that can be read, because it is copied to the output, received the error "
        f"{one_line(error)!r}; restore it in the input, or remove it there"
    )


def blocks_of(stream: IO[bytes], where: str, errors: tuple[type[Exception], ...] = (OSError,)) -> Iterator[bytes]:
    """The content of `stream`. DataError, naming `where`, if reading raises one of `errors`."""
    while True:
        try:
            block = stream.read(COPY_BYTES)
        except errors as error:
            raise unreadable(where, error) from error
        if not block:
            return
        yield block


def copy_file(original: Path, copy: Path) -> None:
    """Copies the content of a file, also that behind a link.

    Raises:
        DataError: `original` cannot be read.
        OSError: `copy` cannot be written.
    """
    try:
        stream = original.open("rb")
    except OSError as error:
        raise unreadable(str(original), error) from error
    with stream, copy.open("wb") as target:
        for block in blocks_of(stream, str(original)):
            target.write(block)
