"""Loads the compiled functions of this package; prepares memory and arguments for calling them."""

import ctypes
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from simgan.engines.torch.native import compiled

LANES = 32  # the number of channels of a hidden layer must be a multiple of this
_MOST_PIXELS = 2**19  # the largest image: the maps of all images of a micro-batch are in memory at once
pointer, number, long = ctypes.c_void_p, ctypes.c_int, ctypes.c_long


@cache
def library(name: str) -> ctypes.CDLL | None:
    """The functions of `<name>.cpp`; None if there is no AMX or no C++ compiler."""
    # PyTorch has only a private function for this, which another version may lack.
    if not getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)():
        return None
    found = compiled(Path(__file__).with_name(f"{name}.cpp"))
    return None if found is None or found.ask_for_tiles() else found


def loaded(name: str) -> ctypes.CDLL:
    """`library(name)`, for callers that have checked that it is not None."""
    found = library(name)
    if found is None:
        raise RuntimeError(f"{name}: expected a processor with AMX and a C++ compiler, received none")
    return found


def size_fits(height: int, width: int) -> bool:
    """Whether the compiled functions compute images of this size."""
    return (
        height > 0 and width > 0 and (height + 8) * (width + 8) <= _MOST_PIXELS
    )  # 8: room for the margins that a kernel needs


def fits(images: Tensor) -> bool:
    """Whether the compiled functions can compute a batch (N, H, W, C)."""
    return images.dtype == torch.float32 and images.device.type == "cpu" and size_fits(*images.shape[1:3])


def threads_for(images: Tensor) -> int:
    """The number of threads for a batch: one for each image, but no more than PyTorch has."""
    return max(1, min(torch.get_num_threads(), len(images)))


class Memory:
    """A pool of reusable buffers: allocating memory takes as much time as computing the values that fill it."""

    def __init__(self) -> None:
        self._free: list[Tensor] = []

    def take(self, size: int) -> Tensor:
        """A buffer of at least `size` bytes, with arbitrary values."""
        while self._free:
            buffer = self._free.pop()
            if len(buffer) >= size:
                return buffer
            del buffer  # frees it before a larger buffer is made
        return torch.empty(size, dtype=torch.uint8)

    def give_back(self, buffer: Tensor) -> None:
        """Returns a buffer, which nobody reads any longer, to the pool."""
        self._free.append(buffer)


def address(array: Tensor | None) -> ctypes.c_void_p:
    """The address of an array; null for None. The array must outlive the call that gets the address."""
    return ctypes.c_void_p(None if array is None else array.data_ptr())


def addresses(arrays: Sequence[Tensor]) -> Any:
    """The addresses of arrays, as an array of C."""
    return (ctypes.c_void_p * len(arrays))(*(array.data_ptr() for array in arrays))


def gradients_like(values: Sequence[Tensor], places: Sequence[int], sums: Tensor) -> list[Tensor]:
    """The gradients of `values`, summed over the gradients of all threads.

    Args:
        values: the weights.
        places: where the gradient of each weight begins among the N numbers of a thread.
        sums: (threads, N). The gradient of the last kernel, (1, 1, from, to), is stored as (to, from).
    """
    total = sums.sum(0)
    parts = [total[place : place + value.numel()] for place, value in zip(places, values, strict=True)]
    parts[-2] = parts[-2].view(values[-2].shape[3], values[-2].shape[2]).T
    return [part.reshape(value.shape) for part, value in zip(parts, values, strict=True)]
