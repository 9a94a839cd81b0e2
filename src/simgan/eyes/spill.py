"""A file for HDF5 to write to that outlives a full disk."""

import io
import os
from pathlib import Path


class SpillFile(io.RawIOBase):
    """A new file that remembers a failed write instead of raising it.

    HDF5 cannot close a file whose writes fail: it prints thousands of lines and may crash the interpreter. So from the
    first failure on nothing is written any more; the owner looks at `error`, and removes the file.
    """

    def __init__(self, path: Path) -> None:
        self.error: OSError | None = None
        self._file = path.open("w+b", buffering=0)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = self._file.readinto(buffer)
        # What was not written reads as zeros.
        buffer[count:] = bytes(len(buffer) - count)
        return len(buffer)

    def write(self, data: memoryview) -> int:  # type: ignore[override]
        view = memoryview(data).cast("B")
        done = 0
        while self.error is None and done < len(view):
            try:
                done += self._file.write(view[done:])
            except OSError as error:
                self.error = error
        return len(view)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def truncate(self, size: int | None = None) -> int:
        try:
            return self._file.truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size or 0

    def close(self) -> None:
        self._file.close()
        super().close()
