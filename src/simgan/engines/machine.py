"""What the machine says of itself: a GPU, memory, caches, bfloat16, a C++ compiler. Nothing here is timed."""

import logging
import math
import os
import shlex
import shutil
import sys
from functools import cache
from pathlib import Path

import keras

_CONTAINER = Path("/sys/fs/cgroup/memory.max")
_L2_CACHE = Path("/sys/devices/system/cpu/cpu0/cache/index2/size")
_SMALL_CACHE = 2**20  # bytes of L2 a core, where the system does not tell
_log = logging.getLogger("simgan")


def on_gpu() -> bool:
    """Whether Keras computes with PyTorch on a GPU."""
    return keras.backend.backend() == "torch" and bool(keras.ops.convert_to_tensor(0.0).device.type == "cuda")


def multiplies_bfloat16() -> bool:
    """Whether the device multiplies bfloat16 natively."""
    import torch

    if on_gpu():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # PyTorch tells it of a CPU only under a private name, which another version may not have.
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())


def device_memory() -> float:
    """Bytes of memory where the arrays of a training lie; infinity where the system does not tell."""
    if not on_gpu():
        return main_memory()
    import torch

    return float(torch.cuda.get_device_properties().total_memory)


def main_memory() -> float:
    """Bytes of memory of this machine, or what its container may use; infinity where the system does not tell."""
    known = "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {})
    memory = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")) if known else math.inf
    try:
        return min(memory, float(_CONTAINER.read_text(encoding="ascii")))
    except (OSError, ValueError):  # no container, or one without a limit: 'max'
        return memory


def cache_memory() -> int:
    """Bytes of L2 cache of the cores that PyTorch computes on."""
    import torch

    try:
        text = _L2_CACHE.read_text(encoding="ascii").strip()
        each = int(text.removesuffix("K")) * 1024
    except (OSError, ValueError):
        each = _SMALL_CACHE
    threads: int = torch.get_num_threads()
    return each * threads


def cpp_compiler() -> list[str]:
    """The command of the C++ compiler and its first arguments: CXX, which may hold several words, or the usual one."""
    return shlex.split(os.environ.get("CXX", "")) or ["clang++" if sys.platform == "darwin" else "g++"]


def has_cpp_compiler() -> bool:
    """Whether that command is there."""
    return shutil.which(cpp_compiler()[0]) is not None


@cache
def warn_of_slow_networks(reason: str) -> None:
    """Says, once for each reason, that networks run slower than they could, and the way out."""
    _log.warning(
        "networks run in PyTorch alone, several times slower: %s; install a C++ compiler (Debian, Ubuntu: apt install "
        "g++) or name one in the environment variable CXX",
        reason,
    )
