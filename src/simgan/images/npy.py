"""Reading .npy files. Images are memory-mapped; Python objects are never unpickled."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.images.arrays import (
    as_images,
    as_slice,
    check_images_first,
    check_layout,
    check_stack,
    one_line,
)
from simgan.images.names import IndexNames
from simgan.images.source import ImageSource
from simgan.settings.choices import Layout

NPY_ERRORS = (OSError, ValueError, EOFError, MemoryError, OverflowError)
# NumPy reads a header of any length, then refuses one above 10,000 characters.
_HEADER_BYTES = 2**16


@dataclass(frozen=True)
class NpyHeader:
    """The header of an .npy file. `start`: byte at which the values begin; `nbytes`: number of bytes of the values."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    start: int

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize


def read_header(stream: IO[bytes]) -> NpyHeader:
    """Reads the header at the start of `stream`, and leaves the stream anywhere after it.

    Raises ValueError if there is no header.
    """
    start = io.BytesIO(stream.read(_HEADER_BYTES))
    version = np.lib.format.read_magic(start)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"unknown .npy version {version}")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        shape, fortran, dtype = read(start)
    # NumPy parses the text with Python's parser, which raises any exception: TokenError, TypeError, MemoryError.
    except Exception as error:
        raise ValueError(f"no .npy header: {one_line(error)}") from error
    if any(length < 0 for length in shape):
        raise ValueError(f"an axis of negative length in {shape}")
    return NpyHeader(shape, fortran, dtype, start.tell())


def map_array(file: IO[bytes], header: NpyHeader, start: int, where: str) -> NDArray[Any]:
    """The (N, H, W, C) or (N, H, W) array whose values begin at byte `start` of `file`, memory-mapped."""
    check_stack(header.shape, header.dtype, where)
    held = os.fstat(file.fileno()).st_size - start
    if held < header.nbytes:
        raise DataError(
            f"{where}: expected {header.nbytes} bytes of pixels, received {held}; the file is cut short, copy it again"
        )
    order = "F" if header.fortran else "C"
    return np.memmap(file, header.dtype, "r", start, header.shape, order)  # type: ignore[call-overload, no-any-return]


class NpySource(ImageSource):
    """A memory-mapped (N, H, W) or (N, H, W, C) array. `header` describes it as it is in the file."""

    def __init__(
        self, path: Path, kind: str, array: NDArray[Any], header: NpyHeader, label_names: tuple[str, ...] = ()
    ) -> None:
        super().__init__(path, kind, IndexNames(len(array)), label_names)
        self.header = header
        self._array: NDArray[Any] | None = array

    def use_layout(self, layout: Layout | None) -> None:
        check_layout(self.header.shape, layout, str(self.path))
        check_images_first(self._array, layout, str(self.path))
        if layout == "nchw" and self._array is not None:
            self._array = np.moveaxis(self._array, 1, -1)  # a view: (N, H, W, C)

    def stored(self, index: int) -> NDArray[Any]:
        image: NDArray[Any] = self.stored_many([index])[0]
        return image

    def stored_many(self, indices: Sequence[int]) -> NDArray[Any]:
        array = self._array
        if array is None:
            raise DataError(f"{self.path}: expected an open data set, received a closed one; open it again")
        return as_images(np.array(array[as_slice(indices) or list(indices)], order="C"))

    def size(self, index: int) -> tuple[int, int]:
        height, width = self.header.shape[2:4] if self.layout == "nchw" else self.header.shape[1:3]
        return int(height), int(width)

    def close(self) -> None:
        # The mapping ends with the last reference to it; closing it under a reader in another thread would crash.
        self._array = None


def open_npy(path: Path, key: str | None) -> ImageSource:
    """Opens an .npy file, without calling `settle`.

    Raises DataError if the file is damaged or holds no images, or if a `key` is given.
    """
    if key is not None:
        raise DataError(
            f"{path}: expected no key= (--key) for an .npy file, which holds one array, received {key!r}; leave it out"
        )
    try:
        with path.open("rb") as file:
            header = read_header(file)
            array = map_array(file, header, header.start, str(path))
    except DataError:
        raise
    except NPY_ERRORS as error:
        raise DataError(
            f"{path}: expected an .npy file, received one that cannot be read ({one_line(error)}); "
            "create it with np.save"
        ) from error
    return NpySource(path, "NumPy array", array, header)
