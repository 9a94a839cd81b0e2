"""The spool: refined images on the disk while a data set is refined, so that an interrupted job can go on.

An unfinished output is thrown away when its job is killed, since most formats cannot be continued safely. The pixels
that R made, which took long, are kept in the file `.<output>.spool`, one group of images after the other. If the same
command is started again, it reads these groups in place of refining, and its output has the same bytes as that of a
job that was never interrupted.

The file begins with a digest of the job. Each group follows its checksum. After a power cut the end of the file may
hold anything, zeros for example: the first group whose checksum does not fit, and all after it, are refined anew.
"""

import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import keras
import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from simgan.errors import DataError, OutputError, is_out_of_memory
from simgan.files.folders import output_error, sync
from simgan.images import ImageSource
from simgan.version import __version__

_DIGEST = 32  # bytes
_CHECKSUM = 16  # bytes
# Longest work that a power cut may cost. Ours: waiting for the disk this often takes under one per cent of the time.
_SYNC_SECONDS = 5.0


class Spool:
    """Groups of refined images in the order in which they are made. Call `take` until it gives None, then `put`.

    Args:
        file: open for reading and writing, just behind the digest.
        digest: digest of the job.
        is_old: whether an earlier job of this output left the file, and perhaps other unfinished files.
        is_continued: whether that job had the same digest.
    """

    def __init__(self, file: BinaryIO, digest: bytes, *, is_old: bool, is_continued: bool) -> None:
        self._file, self._digest, self.is_old, self.is_continued = file, digest, is_old, is_continued
        self._synced = time.monotonic()

    def take(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any] | None:
        """The next group, (N, H, W, C). None if it is missing or damaged: then the rest of the file is dropped."""
        start, size = self._file.tell(), int(np.prod(shape)) * dtype.itemsize
        checksum, content = self._file.read(_CHECKSUM), self._file.read(size)
        if checksum == self._checksum(start, shape, dtype, content):
            return np.frombuffer(content, dtype).reshape(shape)
        self._file.seek(start)
        self._file.truncate()
        return None

    def put(self, refined: NDArray[Any]) -> None:
        """Adds the next group; every _SYNC_SECONDS, waits until the groups are on the disk.

        Raises:
            OutputError: the group cannot be written, for example because the disk is full.
        """
        content = np.ascontiguousarray(refined).data.cast("B")
        try:
            self._file.write(self._checksum(self._file.tell(), refined.shape, refined.dtype, content))
            self._file.write(content)
            self._file.flush()
            if time.monotonic() - self._synced >= _SYNC_SECONDS:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()
        except OSError as error:
            raise output_error(Path(self._file.name), error, "the images refined so far are not lost") from error

    def _checksum(
        self, start: int, shape: tuple[int, ...], dtype: np.dtype[Any], content: bytes | memoryview
    ) -> bytes:
        """Checksum of a group at its place in the file.

        The digest of the job is its key, so that old blocks of another job on the disk do not pass.
        """
        found = hashlib.blake2b(f"{start} {shape} {dtype.str}".encode(), key=self._digest, digest_size=_CHECKSUM)
        found.update(content)
        return found.digest()


def spool_of(output: Path) -> Path:
    """The spool of `output`."""
    return output.with_name(f".{output.name}.spool")


def remove_leftover(output: Path) -> bool:
    """Removes the spool of an output that exists, and returns whether there was one.

    A job that was killed just after its output got its name leaves such a spool. The spool of a running job stays.
    """
    path = spool_of(output)
    if not os.path.lexists(output) or not path.exists():
        return False
    with suppress(DataError, OSError), _only_job(output):
        path.unlink()
        return True
    return False


@contextmanager
def spooled(output: Path, digest: bytes) -> Iterator[Spool]:
    """The spool of `output`: the one that an interrupted job of the same `digest` left, or a new one.

    When the block ends, the spool is removed. It is kept for the next try if the block was ended by an interruption, a
    full disk, an output that cannot be written or a lack of memory, and a note on the error says so. An error in the
    data removes the spool, because other data have another digest.

    Raises:
        DataError: another job is writing the same output.
        OSError: the folder of `output` cannot be written.
    """
    path = spool_of(output)
    with _only_job(output):
        kept = False
        try:
            with _opened(path, digest) as spool:
                yield spool
        except BaseException as error:
            kept = _can_be_continued(error) and path.exists() and path.stat().st_size > _DIGEST
            if kept:
                error.add_note("then the same command continues where it stopped")
            raise
        finally:
            if not kept:
                path.unlink(missing_ok=True)


@contextmanager
def _only_job(output: Path) -> Iterator[None]:
    """Holds the lock of `output`; DataError if another job does."""
    path = output.with_name(f".{output.name}.lock")
    lock = FileLock(path, timeout=0)
    try:
        _acquire(lock, path)
    except Timeout:
        raise DataError(
            f"{output}: expected no other job that writes this output, received a running job; wait until it ends"
        ) from None
    try:
        yield
    finally:
        with suppress(OSError):  # Windows removes no open file; there, releasing the lock removes it
            path.unlink()
        lock.release()


def _acquire(lock: FileLock, path: Path) -> None:
    """Acquires `lock`, whose file is `path`; Timeout if another job holds it.

    A job that ends removes the file. Another job may have opened it just before: it then holds a lock on a file that
    has no name any more, and a third job could create a new file. So the file must be the same before and after.
    """
    while True:
        path.touch()
        before = _identity(path)
        lock.acquire()
        if before is not None and before == _identity(path):
            return
        lock.release()


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and inode number of a file; None if there is no such file."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


@contextmanager
def _opened(path: Path, digest: bytes) -> Iterator[Spool]:
    is_old = path.exists()
    file = path.open("r+b" if is_old else "w+b")
    try:
        is_continued = file.read(_DIGEST) == digest
        if not is_continued:
            file.seek(0)
            file.truncate()
            file.write(digest)
        sync(path.absolute().parent)  # the spool tells the next job whose unfinished files these are
        yield Spool(file, digest, is_old=is_old, is_continued=is_continued)
    finally:
        with suppress(OSError):  # some content did not fit on the disk; `put` raised the error
            file.close()


def _can_be_continued(error: BaseException) -> bool:
    """Whether the same command may succeed after this error."""
    stopped = isinstance(error, OSError | OutputError | KeyboardInterrupt | SystemExit)
    return stopped or is_out_of_memory(error)


def digest_of(source: ImageSource, model: keras.Model, *way_of_computing: object) -> bytes:
    """Digest of everything that refined images depend on.

    Another data set, another R or another way of computing gives another digest. Files are told apart by name, size
    and time of change.

    Args:
        source: the images.
        model: R.
        way_of_computing: objects that describe the computation; if refined images may differ, their repr differs.
    """
    try:
        architecture = model.to_json()
    except (NotImplementedError, TypeError, ValueError):  # a layer that Keras cannot describe: equal to no other
        architecture = secrets.token_hex()
    about = (
        way_of_computing,
        __version__,
        architecture,
        source.key,
        source.pixel_range,
        str(source.dtype),
        len(source),
    )
    digest = hashlib.sha256(repr(about).encode("utf-8", "surrogateescape"))
    for array in model.get_weights():
        digest.update(array.tobytes())
    paths = (source.path / name for name in source.names) if source.path.is_dir() else (source.path,)
    for path in paths:
        status = path.stat()
        digest.update(f"{path.name} {status.st_size} {status.st_mtime_ns}".encode("utf-8", "surrogateescape"))
    return digest.digest()
