"""Reading .npz files with labels. Images are memory-mapped; Python objects are never unpickled."""

from __future__ import annotations

import shutil
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.images.arrays import Member, check_bytes, check_stack, check_unpacked, choose, one_line
from simgan.images.copying import COPY_BYTES
from simgan.images.npy import NPY_ERRORS, NpyHeader, NpySource, map_array, read_header
from simgan.images.source import ImageSource

NPZ_ERRORS = (*NPY_ERRORS, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error, struct.error)
# Compressions that np.savez and np.savez_compressed use.
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


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
    """Opens an .npz file, without calling `settle`.

    An uncompressed array of images is memory-mapped inside the .npz file. A compressed array is unpacked once, and its
    checksum verified, into a temporary file (in TMPDIR, as large as the array) that is removed together with the
    source. Raises DataError if the file is damaged, the images are not found or the temporary folder is too small.
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
    source.other_arrays = tuple(other for other in headers if other != name and other not in labels)
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
    """Raises DataError, naming `where`, if a member is not as long as its header says, or is a zip bomb."""
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
