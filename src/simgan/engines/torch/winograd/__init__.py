"""3x3 convolutions in float32 on a CPU by Winograd's algorithm: about twice as fast as PyTorch's.

It computes in float32, so it serves processors that do not multiply bfloat16. Source: Lavin and Gray, "Fast Algorithms
for Convolutional Neural Networks", CVPR 2016. Results differ from a direct convolution by about 1e-5 of the largest
value.
"""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import keras
import torch
from torch import Tensor

from simgan.engines.torch.native import compiled

_LANES_AT_MOST = 16  # channels in a vector of AVX-512; the vectors of other processors hold a divisor of this

# The matrix G of F(4x4, 3x3); _G2 applies it along both axes: (36, 9).
_G = torch.tensor(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ],
    dtype=torch.float64,
)
_G2 = torch.kron(_G, _G).to(torch.float32)


def speed_up(model: keras.Model) -> None:
    """Makes suitable layers of `model` compute by Winograd's algorithm, with the same weights and gradients.

    Suitable are 3x3 convolutions of stride 1 in float32, channels first, whose numbers of channels are multiples of
    16. Without a C++ compiler nothing changes. The model must stay on the CPU.
    """
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D) and _fits(layer) and _library() is not None:
            layer.convolution_op = _convolve


def applies(filters: int, kernel_size: int) -> bool:
    """Whether the hidden layers of an R of this kind, in float32 on a CPU, are computed here."""
    return kernel_size == 3 and filters % _LANES_AT_MOST == 0 and _library() is not None


def _fits(layer: keras.layers.Conv2D) -> bool:
    fits: bool = (
        layer.kernel_size == (3, 3)
        and layer.strides == layer.dilation_rate == (1, 1)
        and layer.padding == "same"
        and layer.data_format == "channels_first"
        and layer.compute_dtype == "float32"
        and layer.kernel.shape[2] % _LANES_AT_MOST == layer.kernel.shape[3] % _LANES_AT_MOST == 0
    )
    return fits


def _convolve(images: Tensor, kernel: Tensor) -> Tensor:
    """(N, I, H, W), (3, 3, I, O) -> (N, O, H, W)."""
    output: Tensor = torch.ops.simgan.winograd(images, kernel)
    return output


@torch.library.custom_op("simgan::winograd", mutates_args=())
def _winograd(images: Tensor, kernel: Tensor) -> Tensor:
    """The convolution. Images and output are stored as (N, H, W, C)."""
    _check(images, kernel.shape[2], kernel.shape[3], kernel)
    images = images.contiguous(memory_format=torch.channels_last)
    count, channels, height, width = images.shape
    filters = kernel.shape[3]
    transformed = _G2 @ kernel.detach().reshape(9, channels * filters)
    output = _like(images, filters)
    sizes = (count, height, width, channels, filters)
    _loaded().convolve(_pointer(images), _pointer(transformed), _pointer(output), *sizes)
    return output


@torch.library.custom_op("simgan::winograd_kernel_gradient", mutates_args=())
def _kernel_gradient(images: Tensor, gradient: Tensor) -> Tensor:
    """(N, I, H, W), (N, O, H, W) -> (3, 3, I, O)."""
    _check(images, images.shape[1], gradient.shape[1], gradient)
    images, gradient = (array.contiguous(memory_format=torch.channels_last) for array in (images, gradient))
    count, channels, height, width = images.shape
    filters = gradient.shape[1]
    threads = min(torch.get_num_threads(), max(1, count * height // 8))
    parts = torch.zeros(threads, 36, channels * filters, dtype=torch.float32)
    sizes = (threads, count, height, width, channels, filters)
    _loaded().filter_gradient(_pointer(images), _pointer(gradient), _pointer(parts), *sizes)
    return (_G2.T @ parts.sum(0)).view(3, 3, channels, filters)


def _like(images: Tensor, channels: int) -> Tensor:
    count, _, height, width = images.shape
    size = (count, channels, height, width)
    return torch.empty(size, dtype=images.dtype, device=images.device, memory_format=torch.channels_last)


def _check(images: Tensor, channels: int, filters: int, other: Tensor) -> None:
    """Raises RuntimeError for arrays that the kernels cannot compute."""
    lanes = _loaded().lanes()
    on_cpu = all(array.device.type == "cpu" and array.dtype == torch.float32 for array in (images, other))
    if not on_cpu or images.shape[1] != channels or channels % lanes or filters % lanes:
        raise RuntimeError(
            f"winograd: expected float32 arrays of {channels} channels on a CPU, in multiples of {lanes}, received "
            f"{images.dtype} {tuple(images.shape)} on {images.device} for {filters} filters"
        )


@_winograd.register_fake
def _winograd_shape(images: Tensor, kernel: Tensor) -> Tensor:
    return _like(images, kernel.shape[3])


@_kernel_gradient.register_fake
def _kernel_gradient_shape(images: Tensor, gradient: Tensor) -> Tensor:
    return images.new_empty((3, 3, images.shape[1], gradient.shape[1]))


def _remember(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
    images, kernel = ctx.saved_tensors
    # The gradient of the images is a convolution with the kernel turned by half a turn.
    turned = kernel.flip(0, 1).transpose(2, 3)
    for_images = torch.ops.simgan.winograd(gradient, turned) if ctx.needs_input_grad[0] else None
    for_kernel = torch.ops.simgan.winograd_kernel_gradient(images, gradient) if ctx.needs_input_grad[1] else None
    return for_images, for_kernel


_winograd.register_autograd(_backward, setup_context=_remember)


def _pointer(array: Tensor) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.data_ptr())


def _loaded() -> ctypes.CDLL:
    library = _library()
    if library is None:
        raise RuntimeError("winograd: expected a C++ compiler, received none")  # not reached: `speed_up` checks first
    return library


@cache
def _library() -> ctypes.CDLL | None:
    """The kernels, compiled for this processor; None if compiling fails."""
    return compiled(Path(__file__).with_name("kernels.cpp"))
