"""Folders that a long job fills."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path

from simgan.errors import RunError


def check_new(out: str | Path) -> Path:
    """`out` as a path.

    Raises:
        RunError: there is something of that name.
    """
    folder = Path(out)
    if folder.exists() or folder.is_symlink():
        raise RunError(f"out: expected a new folder, received {folder}, which exists; choose another.")
    return folder


@contextmanager
def new_folder(folder: Path) -> Iterator[None]:
    """Makes a folder; whatever ends the block early renames it `<name>.failed`, logs and all.

    If that name is taken, `<name>.failed-2` and so on: nothing is lost, and nothing half-made keeps the name.

    Raises:
        RunError: the folder exists, or it cannot be written.
    """
    try:
        check_new(folder).mkdir(parents=True)
    except OSError as error:
        raise RunError(f"out: expected a folder that can be written, received {folder} ({error}).") from None
    try:
        yield
    except BaseException as error:
        names = chain([f"{folder.name}.failed"], (f"{folder.name}.failed-{number}" for number in count(2)))
        failed = next(path for path in map(folder.with_name, names) if not path.exists())
        folder.rename(failed)
        if isinstance(error, OSError):
            reason = " ".join(str(error).split())
            raise RunError(f"out: cannot write {folder} ({reason}); the logs are in {failed}.") from error
        error.add_note(f"the logs are in {failed}")
        raise
