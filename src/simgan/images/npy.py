"""Reading .npy files, and .npz files with labels. Images are memory-mapped; Python objects are never unpickled."""

from __future__ import annotations

import io
import os
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.images.arrays import (
    Member,
    as_images,
    as_slice,
    check_bytes,
    check_images_first,
    check_layout,
    check_stack,
    check_unpacked,
    choose,
    one_line,
)
from simgan.images.copying import COPY_BYTES
from simgan.images.names import IndexNames
from simgan.images.source import ImageSource
from simgan.settings.choices import Layout

NPZ_ERRORS = (
    OSError,
    ValueError,
    KeyError,
    RuntimeError,
    EOFError,
    MemoryError,
    OverflowError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
)
# NumPy reads a header of any length, then refuses one above 10,000 characters.
_HEADER_BYTES = 2**16
# Compressions that np.savez and np.savez_compressed use.
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


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
    """Reads the header at the start of `stream`, and leaves the stream anywhere after it. ValueError if there is
    none."""
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
    """An .npy file, not yet settled. DataError if it is damaged, holds no images, or a `key` is given."""
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
    except NPZ_ERRORS as error:
        raise DataError(
            f"{path}: expected an .npy file, received one that cannot be read ({one_line(error)}); "
            "create it with np.save"
        ) from error
    return NpySource(path, "NumPy array", array, header)


class NpzSource(NpySource):
    """The images of an .npz file; its other N-long arrays are labels. `member` is the images' name in the archive."""

    def __init__(
        self, path: Path, array: NDArray[Any], header: NpyHeader, member: str, label_names: tuple[str, ...]
    ) -> None:
        super().__init__(path, "NumPy archive", array, header, label_names)
        self.member = member

    def _labels(self, name: str) -> NDArray[Any]:
        where = f"{self.path}: label {name!r}"
        try:
            with zipfile.ZipFile(self.path) as archive:
                info = archive.getinfo(f"{name}.npy")
                with archive.open(info) as stream:
                    header = read_header(stream)
                if not header.dtype.hasobject:  # the header of objects does not say how many bytes follow
                    _check_member(info, header, self.path, where)
                    check_bytes(header.nbytes, where)
                with archive.open(info) as stream:
                    return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))
        except DataError:
            raise
        except NPZ_ERRORS as error:
            raise DataError(
                f"{self.path}: expected numbers or text as label {name!r}, received an array that cannot be read "
                f"({one_line(error)}); store it without Python objects"
            ) from error


def open_npz(path: Path, key: str | None) -> ImageSource:
    """An .npz file, not yet settled.

    An uncompressed image array is mapped where it lies in the file. A compressed one is unpacked once, checksum
    verified, into a temporary file (in TMPDIR, as large as the array) that goes away with the source. Raises DataError
    if the file is damaged, the images are not found or the temporary folder is too small.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            headers = _headers(archive)
            members = [Member(name, _describe(header), len(header.shape) >= 3) for name, header in headers.items()]
            name = choose(members, key, str(path))
            header, where = headers[name], f"{path}: {name!r}"
            check_stack(header.shape, header.dtype, where)
            array = _map_member(archive, path, archive.getinfo(f"{name}.npy"), header, where)
    except DataError:
        raise
    except NPZ_ERRORS as error:
        raise DataError(
            f"{path}: expected an .npz file, received one that cannot be read ({one_line(error)}); "
            "create it with np.savez"
        ) from error
    count = header.shape[0]
    labels = tuple(other for other in headers if other != name and headers[other].shape[:1] == (count,))
    source = NpzSource(path, array, header, f"{name}.npy", labels)
    source.no_labels = tuple(other for other in headers if other != name and other not in labels)
    return source


def _describe(header: NpyHeader) -> str:
    return f"{'x'.join(map(str, header.shape)) or 'one value'} {header.dtype}"


def _headers(archive: zipfile.ZipFile) -> dict[str, NpyHeader]:
    headers = {}
    for member in archive.namelist():
        if member.endswith(".npy"):
            kind = archive.getinfo(member).compress_type
            if kind not in _COMPRESSIONS:
                raise ValueError(f"unknown compression {kind} of {member!r}")
            with archive.open(member) as stream:
                headers[member.removesuffix(".npy")] = read_header(stream)
    return headers


def _check_member(info: zipfile.ZipInfo, header: NpyHeader, path: Path, where: str) -> None:
    """DataError, naming `where`, if a member is not as long as its header says, or a bomb."""
    if info.file_size != header.start + header.nbytes:
        raise DataError(
            f"{where}: expected {header.start + header.nbytes} bytes, received {info.file_size}; create the file again"
        )
    # The archive may claim that the member is longer than the whole file.
    check_unpacked(info.file_size, min(info.compress_size, path.stat().st_size), where)


def _map_member(
    archive: zipfile.ZipFile, path: Path, info: zipfile.ZipInfo, header: NpyHeader, where: str
) -> NDArray[Any]:
    _check_member(info, header, path, where)
    if info.compress_type == zipfile.ZIP_STORED:
        with path.open("rb") as file:
            file.seek(info.header_offset)
            # The local header, APPNOTE.TXT 4.3.7: 30 bytes that end in the lengths of the name and of the extra field.
            name_length, extra_length = struct.unpack("<26x2H", file.read(30))
            return map_array(file, header, info.header_offset + 30 + name_length + extra_length + header.start, where)
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < header.nbytes:
        raise DataError(
            f"{where}: expected {header.nbytes} bytes free in {tempfile.gettempdir()} to unpack it, received {free}; "
            "set TMPDIR to a larger folder or store it with np.savez, uncompressed"
        )
    with tempfile.TemporaryFile() as unpacked, archive.open(info) as stream:
        shutil.copyfileobj(stream, unpacked, COPY_BYTES)
        unpacked.flush()
        return map_array(unpacked, header, header.start, where)
