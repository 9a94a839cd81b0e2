"""Refined images on the disk while a data set is refined, so that an interrupted job goes on where it was.

A data set in the making is thrown away when its job is killed: most formats cannot be gone on with safely. What took
long, the pixels that R made, is kept beside it in `.<output>.spool`, one group after the other. The same command reads
them from there, and the output is that of a job that was never interrupted.
"""

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import keras
import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.images import ImageSource
from simgan.version import __version__

_DIGEST = 32  # bytes


class Spool:
    """Groups of refined images in the order in which they are made. `take` until it gives None, then `put`."""

    def __init__(self, file: BinaryIO, *, is_old: bool) -> None:
        self._file = file
        self.is_old = is_old
        """Whether a job that was interrupted left it."""
        self.taken = 0
        """Images that were not refined anew."""

    def take(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any] | None:
        """The next group, (N, H, W, C); None if it is not there, or not whole."""
        start, size = self._file.tell(), int(np.prod(shape)) * dtype.itemsize
        content = self._file.read(size)
        if len(content) == size:
            self.taken += shape[0]
            return np.frombuffer(content, dtype).reshape(shape)
        self._file.seek(start)
        self._file.truncate()
        return None

    def put(self, refined: NDArray[Any]) -> None:
        """Adds the next group."""
        self._file.write(np.ascontiguousarray(refined).tobytes())


@contextmanager
def spooled(output: Path, digest: bytes) -> Iterator[Spool]:
    """The spool of `output`, from an interrupted job of the same `digest` or new.

    It goes away when the block ends, and when an error of the data ends it; an interruption, a full disk or a crash
    leave it.

    Raises:
        DataError: another job makes the same output.
        OSError: the disk is full or cannot be written.
    """
    path, lock = output.with_name(f".{output.name}.spool"), output.with_name(f".{output.name}.lock")
    held = FileLock(lock, timeout=0)
    try:
        held.acquire()
    except Timeout:
        raise DataError(f"{output}: expected no other job to make it, received one at work; wait for it") from None
    done = True
    try:
        is_old = path.exists()
        with path.open("r+b" if is_old else "w+b") as file:
            if file.read(_DIGEST) != digest:
                file.seek(0)
                file.truncate()
                file.write(digest)
            yield Spool(file, is_old=is_old)
    except (OSError, KeyboardInterrupt, SystemExit) as error:
        done = False
        error.add_note("the same command goes on where it was")
        raise
    finally:
        if done:
            path.unlink(missing_ok=True)
        lock.unlink(missing_ok=True)
        held.release()


def digest_of(source: ImageSource, model: keras.Model, *said: object) -> bytes:
    """Of what refined images depend on: another data set, R or way of computing, which `said` tells, has another.

    Files are told apart by name, size and time of change.
    """
    try:
        architecture = model.to_json()
    except (NotImplementedError, TypeError, ValueError):  # a layer that cannot be described: like no other
        architecture = secrets.token_hex()
    about = (said, __version__, architecture, source.key, source.pixel_range, str(source.dtype), len(source))
    told = hashlib.sha256(repr(about).encode("utf-8", "surrogateescape"))
    for array in model.get_weights():
        told.update(array.tobytes())
    paths = (source.path / name for name in source.names) if source.path.is_dir() else (source.path,)
    for path in paths:
        status = path.stat()
        told.update(f"{path.name} {status.st_size} {status.st_mtime_ns}".encode("utf-8", "surrogateescape"))
    return told.digest()
