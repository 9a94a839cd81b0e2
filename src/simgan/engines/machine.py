"""Facts about the machine: a GPU, memory, caches, bfloat16, a C++ compiler. Nothing here is timed."""

import logging
import math
import os
import shlex
import shutil
import sys
from functools import cache
from pathlib import Path

import keras

_CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")
_L2_CACHE = Path("/sys/devices/system/cpu/cpu0/cache/index2/size")
_CPU_INFO = Path("/proc/cpuinfo")
_SMALL_CACHE = 2**20  # bytes of L2 cache assumed for each core where the system does not report it
_log = logging.getLogger("simgan")


def on_gpu() -> bool:
    """Whether Keras computes with PyTorch on a GPU."""
    return keras.backend.backend() == "torch" and bool(keras.ops.convert_to_tensor(0.0).device.type == "cuda")


def gains_from_bfloat16() -> bool:
    """Whether training is faster in bfloat16: on GPUs that have it, on tile units (AMX), and on AMD's AVX-512 units.

    On Intel's AVX-512 units it is slower than float32 with Winograd's algorithm (docs/performance.md).
    """
    import torch

    if on_gpu():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # For a CPU, PyTorch has only private functions, which another version may lack.
    has_tiles, has_vectors = (
        bool(getattr(torch.cpu, name, lambda: False)())
        for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    )
    return has_vectors and (has_tiles or _is_amd())


def _is_amd() -> bool:
    """Whether the processor is AMD's; False if the system does not say."""
    try:
        return "AuthenticAMD" in _CPU_INFO.read_text(encoding="ascii", errors="replace")
    except OSError:
        return False


def device_memory() -> float:
    """Bytes of memory of the device that holds the arrays of a training; infinity if the system does not report it."""
    if not on_gpu():
        return main_memory()
    import torch

    return float(torch.cuda.get_device_properties().total_memory)


def main_memory() -> float:
    """Bytes of memory of this machine or of its container; infinity if the system does not report it."""
    known = "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {})
    memory = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")) if known else math.inf
    try:
        return min(memory, float(_CONTAINER_LIMIT.read_text(encoding="ascii")))
    except (OSError, ValueError):  # no container, or a container without a limit, whose file says 'max'
        return memory


def cache_memory() -> int:
    """Bytes of L2 cache of all cores that PyTorch computes on."""
    import torch

    try:
        text = _L2_CACHE.read_text(encoding="ascii").strip()
        each_core = int(text.removesuffix("K")) * 1024
    except (OSError, ValueError):
        each_core = _SMALL_CACHE
    threads: int = torch.get_num_threads()
    return each_core * threads


def cpp_compiler() -> list[str]:
    """The words of the C++ compiler's command: of the environment variable CXX, else the usual command."""
    return shlex.split(os.environ.get("CXX", "")) or ["clang++" if sys.platform == "darwin" else "g++"]


def has_cpp_compiler() -> bool:
    """Whether the C++ compiler is installed."""
    return shutil.which(cpp_compiler()[0]) is not None


@cache
def warn_of_slow_networks(reason: str) -> None:
    """Warns, once for each reason, that networks run slower than they could, and names the remedy."""
    _log.warning(
        "networks run in PyTorch alone, several times slower: %s; install a C++ compiler (Debian, Ubuntu: apt install "
        "g++) or name one in the environment variable CXX",
        reason,
    )
