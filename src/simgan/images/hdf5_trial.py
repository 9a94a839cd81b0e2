"""Text of varying length in HDF5 files, read in a process of its own first: HDF5 may read damaged text forever.

Nothing in this process could end that: HDF5 holds its lock meanwhile. So another one reads the text before we do, and
is ended if it takes too long. Numbers and text of fixed length need no trial.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py

from simgan.errors import DataError
from simgan.images.hdf5_file import encoded, names_in, open_one, plain, read_label

# Ours: sound text of a few images takes half a second, most of it the start of the process.
SECONDS = 30.0
_SECONDS_EACH = 1e-3
_READ = "from simgan.images.hdf5_trial import main; main()"


def try_text(path: Path, locations: list[str], values: int, where: str) -> None:
    """Lets another process read the data sets, or the groups of them, at `locations`: `values` in all.

    Raises:
        DataError: it was killed by what it read, or took far longer than sound text takes. What else may be wrong
            with the text, reading it here will tell.
    """
    seconds = SECONDS + _SECONDS_EACH * values
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _READ],  # -P: a json.py in the current folder is not ours
            input=json.dumps([str(path), *locations]).encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise DataError(
            f"{where}: expected text that can be read in {seconds:.0f} seconds, received damaged text, which HDF5 "
            "reads forever; mend it, or store it in fixed length"
        ) from None
    except OSError:  # no process to be had
        return
    if done.returncode < 0:
        raise DataError(
            f"{where}: expected text that can be read, received damaged text, which ends the process that reads it; "
            "mend it, or store it in fixed length"
        )


def main() -> None:
    """Reads what stdin names, in a process of its own."""
    path, *locations = json.load(sys.stdin)
    with h5py.File(path, "r") as file:
        for location in locations:
            parent, _, name = location.rpartition("/")
            node = plain(file[encoded(parent or "/")], name, location)
            if isinstance(node, h5py.Dataset):
                read_label(node.id, location)
                continue
            for key in names_in(node):
                read_label(open_one(node, encoded(key), location), location)
