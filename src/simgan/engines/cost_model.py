"""Calculates the operations of a training, and how many images should go through R at once. Nothing is timed."""

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
_CACHE_SHARE = 1.75  # largest size of one layer's activations in a micro-batch, as a multiple of the L2 caches
_WINOGRAD_CACHE_SHARE = 7.0  # the same multiple for Winograd's convolutions, which go through an image row by row
_TILES_CACHE_SHARE = 3.5  # the same multiple on tile units: images go through R singly, but each call has a cost
_TILES_MEMORY_SHARE = 0.125  # largest share of the memory for all activations of a micro-batch on tile units
_GPU_SHARE = 0.15  # largest share of the GPU's memory for all activations of a micro-batch
_WORTH_COMPILING = 1e14  # floating-point operations below which compiling takes longer than it saves


def refiner_flops(refiner: RefinerConfig, size: tuple[int, int], channels: int) -> int:
    """Floating-point operations of R on one image of `size` (H, W), forward: two for each weight at each pixel."""
    filters, kernel = refiner.filters, refiner.kernel_size**2
    weights = filters * channels * (kernel + 1) + 2 * refiner.blocks * filters * filters * kernel
    return 2 * weights * size[0] * size[1]


def training_flops(config: TrainConfig, size: tuple[int, int], channels: int) -> int:
    """Floating-point operations of R in a whole training; D adds a few hundredths.

    A gradient costs twice as much as the forward pass.
    """
    updates = config.refiner_pretrain_steps + config.steps * config.refiner_updates
    refined = config.discriminator_pretrain_steps + config.steps * config.discriminator_updates // 2
    return (3 * updates + refined) * config.batch_size * refiner_flops(config.refiner, size, channels)


def images_at_once(refiner: RefinerConfig, size: tuple[int, int], precision: str) -> int:
    """Images of `size` (H, W) that should go through R together: a power of two.

    On a CPU as many as fit the cache, on a GPU as many as fit the memory. On tile units, at least one image for each
    thread unless memory is short.
    """
    layer = size[0] * size[1] * refiner.filters * (2 if precision == "bfloat16" else 4)  # bytes for each image
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
    """Whether `simgan.engines.torch.amx` computes R."""
    from simgan.engines.torch.amx import refiner_applies, size_fits

    return not on_gpu() and size_fits(*size) and refiner_applies(refiner.filters, refiner.kernel_size, precision)


def worth_compiling(flops: int) -> bool:
    """Whether compiling saves more time than it takes for this many operations, and a compiler is installed."""
    if flops < _WORTH_COMPILING:
        return False
    if not on_gpu() and not has_cpp_compiler():
        warn_of_slow_networks("there is no C++ compiler")
        return False
    return True
