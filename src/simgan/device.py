"""The device that training runs on: its engine, its memory, and what `auto` means there.

Precision, micro-batch and compilation follow from the settings, the size of the images and what the machine says of
itself; nothing is timed.
"""

import math
import os
import shutil
import sys
from pathlib import Path

import keras

from simgan.config import RefinerConfig, TrainConfig, make_config
from simgan.engine import Engine
from simgan.errors import EngineError

# Ours, measured in docs/performance.md.
_CACHE_SHARE = 1.75  # of the L2 caches: what one layer's activations of a micro-batch may take
_WINOGRAD_CACHE_SHARE = 7.0  # the same, where convolutions go through an image by rows
_TILES_CACHE_SHARE = 3.5  # the same on tile units, where R takes one image after the other: calls cost little then
_TILES_MEMORY_SHARE = 0.125  # of the memory: what all activations of a micro-batch may take there
_GPU_SHARE = 0.15  # of the GPU's memory: what all activations of a micro-batch may take
_WORTH_COMPILING = 1e14  # floating-point operations: below, compiling takes longer than it saves
_CONTAINER = Path("/sys/fs/cgroup/memory.max")
_SMALL_CACHE = 2**20  # bytes of L2 a core, where the system does not tell


def open_engine(*, micro_batch: int, compiled: bool) -> Engine:
    """The engine of Keras's backend, on the device where Keras puts its variables: the GPU if there is one.

    Args:
        micro_batch: images that go through a network at once.
        compiled: whether networks are compiled and, on a GPU, updates recorded as CUDA graphs.

    Raises:
        EngineError: Keras runs on another backend than PyTorch.
    """
    _require_torch()
    from simgan.torch_engine import TorchEngine

    return TorchEngine(micro_batch, compiled=compiled)


def resolve(config: TrainConfig, size: tuple[int, int], channels: int) -> TrainConfig:
    """`config` with every `auto` made out, for a training at `size` (H, W).

    What it says then is written into the run's config.toml: the numbers of a repeated run are the same on the same
    machine, and near to it on another.

    Raises:
        EngineError: Keras runs on another backend than PyTorch.
    """
    _require_torch()
    precision = resolve_precision(config.precision)
    micro_batch, compiled = config.micro_batch, config.compile
    if micro_batch == "auto":
        micro_batch = min(config.batch_size, images_at_once(config.refiner, size, precision))
    if compiled == "auto":
        # On tile units R is whole already, and D is small: there is nothing to compile.
        left = 0 if _on_tiles(config.refiner, size, precision) else training_flops(config, size, channels)
        compiled = "on" if worth_compiling(left) else "off"
    return make_config({"precision": precision, "micro_batch": micro_batch, "compile": compiled}, config)


def resolve_precision(precision: str) -> str:
    """`TrainConfig.precision` with `auto` made out: bfloat16 where the device multiplies it natively, else float32."""
    if precision != "auto":
        return precision
    import torch

    if _on_gpu():
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        # PyTorch tells it of a CPU only under a private name, which another version may not have.
        native = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    return "bfloat16" if native else "float32"


def dtype_policy(precision: str) -> str:
    """The Keras dtype policy of `TrainConfig.precision`: weights are float32 in either."""
    return "float32" if resolve_precision(precision) == "float32" else "mixed_bfloat16"


def refiner_flops(refiner: RefinerConfig, size: tuple[int, int], channels: int) -> int:
    """Floating-point operations of R on one image of `size` (H, W), forward: two for each weight and pixel."""
    filters, kernel = refiner.filters, refiner.kernel_size**2
    weights = filters * channels * (kernel + 1) + 2 * refiner.blocks * filters * filters * kernel
    return 2 * weights * size[0] * size[1]


def training_flops(config: TrainConfig, size: tuple[int, int], channels: int) -> int:
    """Of R in a whole training; D takes a few hundredths of that. A gradient costs twice its forward pass."""
    updates = config.refiner_pretrain_steps + config.steps * config.refiner_updates
    refined = config.discriminator_pretrain_steps + config.steps * config.discriminator_updates // 2
    return (3 * updates + refined) * config.batch_size * refiner_flops(config.refiner, size, channels)


def images_at_once(refiner: RefinerConfig, size: tuple[int, int], precision: str) -> int:
    """The power of two of images of `size` (H, W) that fit the cache of a CPU, or the memory of a GPU, in R.

    On tile units at least one for each thread, unless memory is short.
    """
    layer = size[0] * size[1] * refiner.filters * (2 if precision == "bfloat16" else 4)  # bytes an image
    if _on_gpu():
        # Each convolution keeps its output, and each block its sum and its activation, for the gradient.
        fit = _GPU_SHARE * device_memory() / (layer * (4 * refiner.blocks + 2))
    elif _on_tiles(refiner, size, precision):
        import torch

        threads = 2 * torch.get_num_threads() - 1  # of which the power of two below is at least one for each
        fit = max(_TILES_CACHE_SHARE * _cache_bytes() / layer, threads)
        fit = min(fit, _TILES_MEMORY_SHARE * main_memory() / (layer * (2 * refiner.blocks + 1)))
    else:
        from simgan.winograd import applies

        by_rows = precision == "float32" and applies(refiner.filters, refiner.kernel_size)
        fit = (_WINOGRAD_CACHE_SHARE if by_rows else _CACHE_SHARE) * _cache_bytes() / layer
    return 1 << max(0, int(fit).bit_length() - 1)


def worth_compiling(flops: int) -> bool:
    """Whether so many operations are worth the time that compiling takes, and there is a compiler."""
    return flops >= _WORTH_COMPILING and (_on_gpu() or _has_compiler())


def device_memory() -> float:
    """Bytes of memory where the arrays of a training lie; infinity where the system does not tell."""
    if not _on_gpu():
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


def _cache_bytes() -> int:
    """Bytes of L2 cache of the cores that PyTorch computes on."""
    import torch

    try:
        text = Path("/sys/devices/system/cpu/cpu0/cache/index2/size").read_text(encoding="ascii").strip()
        each = int(text.removesuffix("K")) * 1024
    except (OSError, ValueError):
        each = _SMALL_CACHE
    threads: int = torch.get_num_threads()
    return each * threads


def _on_tiles(refiner: RefinerConfig, size: tuple[int, int], precision: str) -> bool:
    """Whether R is computed by `simgan.amx`."""
    from simgan.amx import refiner_applies, size_fits

    return not _on_gpu() and size_fits(*size) and refiner_applies(refiner.filters, refiner.kernel_size, precision)


def _has_compiler() -> bool:
    usual = "clang++" if sys.platform == "darwin" else "g++"
    return shutil.which(os.environ.get("CXX", usual)) is not None


def _on_gpu() -> bool:
    return keras.backend.backend() == "torch" and bool(keras.ops.convert_to_tensor(0.0).device.type == "cuda")


def _require_torch() -> None:
    if keras.backend.backend() != "torch":
        raise EngineError(
            f"keras backend: expected torch, the engine that trains, received {keras.backend.backend()}; set the "
            "environment variable KERAS_BACKEND=torch, or import simgan before keras."
        )
