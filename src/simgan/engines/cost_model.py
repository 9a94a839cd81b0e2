"""How much a training computes, and how many images should go through R at once. Worked out, never timed."""

from simgan.engines.machine import (
    cache_memory,
    device_memory,
    has_cpp_compiler,
    main_memory,
    on_gpu,
    warn_of_slow_networks,
)
from simgan.settings.config import RefinerConfig, TrainConfig

# Ours, measured in docs/performance.md.
_CACHE_SHARE = 1.75  # of the L2 caches: what one layer's activations of a micro-batch may take
_WINOGRAD_CACHE_SHARE = 7.0  # the same, where convolutions go through an image by rows
_TILES_CACHE_SHARE = 3.5  # the same on tile units, where R takes one image after the other: calls cost little then
_TILES_MEMORY_SHARE = 0.125  # of the memory: what all activations of a micro-batch may take there
_GPU_SHARE = 0.15  # of the GPU's memory: what all activations of a micro-batch may take
_WORTH_COMPILING = 1e14  # floating-point operations: below, compiling takes longer than it saves


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
    """Images of `size` (H, W) that should go through R together: a power of two.

    As many as fit the cache of a CPU, or the memory of a GPU. On tile units at least one for each thread, unless
    memory is short.
    """
    layer = size[0] * size[1] * refiner.filters * (2 if precision == "bfloat16" else 4)  # bytes an image
    if on_gpu():
        # Each convolution keeps its output, and each block its sum and its activation, for the gradient.
        fit = _GPU_SHARE * device_memory() / (layer * (4 * refiner.blocks + 2))
    elif on_tile_units(refiner, size, precision):
        import torch

        # Rounded down to a power of two, this leaves at least one image for each thread.
        one_for_each_thread = 2 * torch.get_num_threads() - 1
        fit = max(_TILES_CACHE_SHARE * cache_memory() / layer, one_for_each_thread)
        fit = min(fit, _TILES_MEMORY_SHARE * main_memory() / (layer * (2 * refiner.blocks + 1)))
    else:
        from simgan.engines.torch.winograd import applies

        by_rows = precision == "float32" and applies(refiner.filters, refiner.kernel_size)
        fit = (_WINOGRAD_CACHE_SHARE if by_rows else _CACHE_SHARE) * cache_memory() / layer
    return 1 << max(0, int(fit).bit_length() - 1)


def on_tile_units(refiner: RefinerConfig, size: tuple[int, int], precision: str) -> bool:
    """Whether R is computed by `simgan.engines.torch.amx`."""
    from simgan.engines.torch.amx import refiner_applies, size_fits

    return not on_gpu() and size_fits(*size) and refiner_applies(refiner.filters, refiner.kernel_size, precision)


def worth_compiling(flops: int) -> bool:
    """Whether so many operations are worth the time that compiling takes, and there is a compiler."""
    if flops < _WORTH_COMPILING:
        return False
    if not on_gpu() and not has_cpp_compiler():
        warn_of_slow_networks("there is no C++ compiler")
        return False
    return True
