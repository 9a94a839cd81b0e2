"""Files and folders that appear whole or not at all, and run folders that one process fills."""

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
    """`out` as a path.

    Raises:
        RunError: there is something of that name.
    """
    folder = Path(out)
    if folder.exists() or folder.is_symlink():
        raise RunError(f"out: expected a new folder, received {folder}, which exists; choose another.")
    return folder


def check_outside(out: str | Path, images: str | Path) -> None:
    """Looks whether a run folder would lie within a folder of images: its pictures would then be images of the set.

    Raises:
        RunError: it would.
    """
    if Path(images).is_dir() and Path(out).resolve().is_relative_to(Path(images).resolve()):
        raise RunError(
            f"out: expected a folder outside the images, received {out}, which is within {images}: its pictures would "
            "be taken for images; choose a folder elsewhere."
        )


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Gives a folder to fill, which gets the name `folder` when the block ends, its files on the disk.

    Whatever ends the block early leaves nothing, and so does a crash but for `.<name>.partial`, which the next try
    clears away.

    Raises:
        OSError: it cannot be written, or `folder` exists.
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
    """Writes a file, text as UTF-8: after a crash at any moment it is the old one or the new one."""
    partial = partial_of(path)
    partial.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    replace(partial, path)


def partial_of(path: Path) -> Path:
    """The name that a file has while it is written."""
    return path.with_name(f".{path.name}.partial")


def replace(partial: Path, path: Path) -> None:
    """Gives a finished file its name, once its content is on the disk."""
    sync(partial)
    os.replace(partial, path)
    sync(path.parent)


def output_error(output: Path, error: BaseException) -> OutputError:
    """The error of an output that could not be written because of `error`, with the way out that fits it.

    A limit on the size of files counts as a full disk.
    """
    way_out = "check the disk and the permissions, or name another output"
    if _errno(error) in _FULL:
        way_out = "free some space, raise the limit on the size of files (ulimit -f) or name another output"
    received = " ".join(str(error).split())[:200] or type(error).__name__
    return OutputError(
        f"{output}: expected to write it, received {received}; no unfinished output was left, {way_out}"
    )


def _errno(error: BaseException) -> int | None:
    """The number of the system's error; HDF5 tells it in its text alone."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = _HDF5_ERRNO.search(str(error))
    return int(found[1]) if found else None


def sync(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    if os.name == "nt" and path.is_dir():  # Windows opens no folders
        return
    descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_all(path: Path) -> None:
    """As `sync`, a folder with everything in it."""
    if path.is_dir() and sys.platform == "linux":
        os.sync()  # which waits there; 4,000 pictures: 0.1 s, file by file 14 s
        return
    for inside in path.rglob("*") if path.is_dir() else ():
        sync(inside)
    sync(path)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other trainings out of a run folder. The system lets go of the lock when the process ends, however.

    Raises:
        RunError: another training is in it, or the folder cannot be written.
    """
    lock = FileLock(folder / _LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise RunError(
            f"run: expected {folder} for itself, received one in which another training is at work; wait for it."
        ) from None
    except OSError as error:
        raise RunError(f"run: expected a folder that can be written, received {folder} ({error}).") from None
    try:
        yield
    finally:
        lock.release()
