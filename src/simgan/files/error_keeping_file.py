"""A file for HDF5 to write to that keeps the error of a failed write."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class ErrorKeepingFile(io.FileIO):
    """A file that keeps the first failed write in `error` instead of raising it, and writes nothing from then on.

    HDF5 writes much of what it caches when a data set or file is closed. On a full disk it then loses values without
    an error that reaches Python, prints thousands of lines, or crashes the interpreter. So HDF5 goes on as if all were
    written, and the owner looks at `error` and removes the file.
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
        view[count:] = bytes(len(view) - count)  # what was not written reads as zeros
        return len(view)

    def truncate(self, size: int | None = None, /) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
            return self.tell() if size is None else size
