"""A file object for HDF5 that remembers the error of a failed write."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class ErrorKeepingFile(io.FileIO):
    """A file that stores the error of the first failed write in `error` instead of raising it.

    After that error it writes nothing, and reports every write as done. The reason: HDF5 writes much of its cache when
    a data set or file is closed. If the disk is full at that moment and the error is raised, HDF5 loses values without
    an error that reaches Python, prints thousands of lines, or crashes the interpreter. The owner of this file must
    look at `error` and remove the file.
    """

    error: OSError | None = None

    def write(self, content: ReadableBuffer, /) -> int:
        left = memoryview(content).cast("B")
        count = len(left)
        while left and self.error is None:
            try:
                left = left[super().write(left) :]
            except OSError as error:
                self.error = error
        return count

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        count = super().readinto(view) or 0
        view[count:] = bytes(len(view) - count)  # bytes that were never written are read as zeros
        return len(view)

    def truncate(self, size: int | None = None, /) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
            return self.tell() if size is None else size
