"""Tries to read text of varying length in another process first, because HDF5 may read damaged text forever.

Nothing in this process could end such a read, since HDF5 holds its lock meanwhile. So another process reads the text
first, and is ended if it takes too long. Numbers and text of fixed length need no trial.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py

from simgan.errors import DataError
from simgan.images.hdf5_file import encoded, names_in, open_member, open_one, read_label

# Ours: sound text of a few images takes half a second, most of it the start of the process.
SECONDS = 30.0
_SECONDS_EACH = 1e-3
_READ = "from simgan.images.hdf5_trial import main; main()"


def try_text(path: Path, locations: list[str], values: int, where: str) -> None:
    """Lets another process read the data sets, or groups of data sets, at `locations`, which hold `values` texts.

    Raises:
        DataError: the process crashed, or took far longer than undamaged text takes. Any other fault of the text
            raises its error when this process reads the text.
    """
    seconds = SECONDS + _SECONDS_EACH * values
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _READ],  # -P: Python must not import a json.py in the current folder
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
    except OSError:  # no process can be started
        return
    if done.returncode < 0:
        raise DataError(
            f"{where}: expected text that can be read, received damaged text, which ends the process that reads it; "
            "mend it, or store it in fixed length"
        )


def main() -> None:
    """The other process: reads the labels that stdin names."""
    path, *locations = json.load(sys.stdin)
    with h5py.File(path, "r") as file:
        for location in locations:
            parent, _, name = location.rpartition("/")
            node = open_member(file[encoded(parent or "/")], name, location)
            if isinstance(node, h5py.Dataset):
                read_label(node.id, location)
                continue
            for key in names_in(node):
                read_label(open_one(node, encoded(key), location), location)
