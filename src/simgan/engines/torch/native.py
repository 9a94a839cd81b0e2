"""Compiles the C++ files of this package for the processor of this machine, when they are first used."""

import ctypes
import subprocess
import tempfile
from pathlib import Path

import torch

from simgan.engines.machine import cpp_compiler, warn_of_slow_networks


def compiled(source: Path) -> ctypes.CDLL | None:
    """The functions of a C++ file; None, with a logged warning, if there is no compiler or compiling fails."""
    compiler = cpp_compiler()
    # Links the OpenMP library of PyTorch: two OpenMP libraries would compete for the cores.
    openmp = [str(path) for path in (Path(torch.__file__).parent / "lib").glob("libgomp*")]
    flags = ["-std=c++17", "-O3", "-march=native", "-ffp-contract=fast", "-fPIC", "-fopenmp"]
    # In a new folder with a random name: a library at a path that is known could come from anybody.
    with tempfile.TemporaryDirectory() as folder:
        object_file, linked = f"{folder}/kernels.o", f"{folder}/kernels.so"
        commands = (
            [*compiler, *flags, "-c", str(source), "-o", object_file],
            [*compiler, "-shared", object_file, "-o", linked, *(openmp or ["-fopenmp"])],
        )
        try:
            for command in commands:
                subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
            return ctypes.CDLL(linked)
        except (OSError, subprocess.SubprocessError) as error:
            reason = (getattr(error, "stderr", None) or str(error)).strip().partition("\n")[0]
            warn_of_slow_networks(f"compiling {source.name} failed ({reason})")
            return None
