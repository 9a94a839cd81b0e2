"""The compiled functions of this package, and what calling them takes."""

import ctypes
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from simgan.engines.torch.native import compiled

LANES = 32  # channels of hidden layers are multiples of it
_MOST_PIXELS = 2**19  # every image of a micro-batch has maps of its own: larger ones would fill the memory
pointer, number, long = ctypes.c_void_p, ctypes.c_int, ctypes.c_long


@cache
def library(name: str) -> ctypes.CDLL | None:
    """The functions of `<name>.cpp`; None where there is no AMX or no C++ compiler."""
    # PyTorch tells it of a CPU only under a private name, which another version may not have.
    if not getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)():
        return None
    found = compiled(Path(__file__).with_name(f"{name}.cpp"))
    return None if found is None or found.ask_for_tiles() else found


def loaded(name: str) -> ctypes.CDLL:
    """`library(name)`, of which one has made sure before that there is one."""
    found = library(name)
    if found is None:
        raise RuntimeError(f"{name}: expected a processor with AMX and a C++ compiler, received none")
    return found


def size_fits(height: int, width: int) -> bool:
    """Whether images of this size are computed here."""
    return height > 0 and width > 0 and (height + 8) * (width + 8) <= _MOST_PIXELS  # with what a kernel adds


def fits(images: Tensor) -> bool:
    """Whether the functions can read (N, H, W, C)."""
    return images.dtype == torch.float32 and images.device.type == "cpu" and size_fits(*images.shape[1:3])


def threads_for(images: Tensor) -> int:
    """One for each image, as far as PyTorch has them."""
    return max(1, min(torch.get_num_threads(), len(images)))


class Memory:
    """Buffers that stay: new memory costs the system as much as filling it costs us."""

    def __init__(self) -> None:
        self._free: list[Tensor] = []

    def take(self, size: int) -> Tensor:
        """At least `size` bytes, of any values."""
        while self._free:
            buffer = self._free.pop()
            if len(buffer) >= size:
                return buffer
            del buffer  # before a larger one takes its place
        return torch.empty(size, dtype=torch.uint8)

    def give_back(self, buffer: Tensor) -> None:
        """Nobody reads it any longer."""
        self._free.append(buffer)


def at(array: Tensor | None) -> ctypes.c_void_p:
    """Where it lies; null for None. The array must outlive the call."""
    return ctypes.c_void_p(None if array is None else array.data_ptr())


def all_at(arrays: Sequence[Tensor]) -> Any:
    """Where they lie, one after the other."""
    return (ctypes.c_void_p * len(arrays))(*(array.data_ptr() for array in arrays))


def gradients_like(values: Sequence[Tensor], places: Sequence[int], sums: Tensor) -> list[Tensor]:
    """The gradients of `values` from those of all threads, (threads, N), where they begin at `places`.

    That of the last kernel, (1, 1, from, to), comes as (to, from).
    """
    total = sums.sum(0)
    parts = [total[place : place + value.numel()] for place, value in zip(places, values, strict=True)]
    parts[-2] = parts[-2].view(values[-2].shape[3], values[-2].shape[2]).T
    return [part.reshape(value.shape) for part, value in zip(parts, values, strict=True)]
