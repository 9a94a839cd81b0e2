"""Files and folders that appear complete or not at all, and the lock of a run folder."""

import errno
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from simgan.errors import OutputError, RunError

_LOCK = ".lock"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_HDF5_ERRNO = re.compile(r"errno = (\d+)")


def check_new(out: str | Path) -> Path:
    """Returns `out` as a path.

    Raises:
        RunError: a file or folder of that name exists.
    """
    folder = Path(out)
    if folder.exists() or folder.is_symlink():
        raise RunError(f"out: expected a new folder, received {folder}, which exists; choose another.")
    return folder


def check_outside(out: str | Path, images: str | Path) -> None:
    """Checks that a run folder is not inside a folder of images, where its pictures would count as images.

    Raises:
        RunError: the run folder is inside.
    """
    if Path(images).is_dir() and Path(out).resolve().is_relative_to(Path(images).resolve()):
        raise RunError(
            f"out: expected a folder outside the images, received {out}, which is inside {images}: the sample "
            "pictures of the run would be taken for images; choose a folder elsewhere."
        )


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Yields a new folder to fill. When the block ends, its files are flushed to the disk and it is named `folder`.

    If an error ends the block, the new folder is removed. If the process is killed, `.<name>.partial` remains; the
    next call for the same `folder` removes it.

    Raises:
        OSError: the folder cannot be written, or `folder` exists.
    """
    partial = partial_of(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        for path in (*partial.iterdir(), partial):
            sync(path)
        partial.rename(folder)
        sync(folder.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def write_whole(path: Path, content: str | bytes) -> None:
    """Writes a file, text as UTF-8. After a crash at any moment, `path` holds either the old content or the new."""
    partial = partial_of(path)
    partial.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    replace(partial, path)


def partial_of(path: Path) -> Path:
    """The temporary path of the file or folder `path` while it is being written."""
    return path.with_name(f".{path.name}.partial")


def replace(partial: Path, path: Path) -> None:
    """Flushes the finished file `partial` to the disk, then renames it to `path`."""
    sync(partial)
    os.replace(partial, path)
    sync(path.parent)


def output_error(output: Path, error: BaseException, consequence: str) -> OutputError:
    """The OutputError to raise when `error` kept `output` from being written. Its advice depends on `error`.

    `consequence` says what became of the output, for example that its unfinished files were removed.
    Exceeding the limit on the size of files (ulimit -f) is treated as a full disk.
    """
    way_out = "check the disk and the permissions, or name another output"
    if _errno(error) in _FULL:
        way_out = "free some space, raise the limit on the size of files (ulimit -f) or name another output"
    elif isinstance(error, MemoryError):
        way_out = "free some memory"
    received = " ".join(str(error).split())[:200] or type(error).__name__
    return OutputError(f"{output}: expected to write this output, received {received}; {consequence}; {way_out}")


def _errno(error: BaseException) -> int | None:
    """The errno of `error`; HDF5 gives the number only in the text of its error."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = _HDF5_ERRNO.search(str(error))
    return int(found[1]) if found else None


def sync(path: Path) -> None:
    """Waits until the content of a file, or the list of names in a folder, is on the disk."""
    if os.name == "nt" and path.is_dir():  # Windows cannot open a folder
        return
    descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_all(path: Path) -> None:
    """As `sync`, but for a folder including everything inside it."""
    if path.is_dir() and sys.platform == "linux":
        os.sync()  # on Linux it waits for the disk; 4,000 pictures: 0.1 s, file by file 14 s
        return
    for inside in path.rglob("*") if path.is_dir() else ():
        sync(inside)
    sync(path)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Locks a run folder against other trainings. However the process ends, the system releases the lock.

    Raises:
        RunError: another training holds the lock, or the folder cannot be written.
    """
    lock = FileLock(folder / _LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise RunError(
            f"run: expected a run folder that no other training uses, received {folder}, in which one is running; "
            "wait until it ends."
        ) from None
    except OSError as error:
        raise RunError(
            f"run: expected a folder that can be written, received {folder} ({error}); check its permissions."
        ) from None
    try:
        yield
    finally:
        lock.release()
