"""Writing .npy and .npz files."""

from __future__ import annotations

import tempfile
import threading
import zipfile
import zlib
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from simgan.images.arrays import as_slice
from simgan.images.copying import COPY_BYTES, blocks_of, unreadable
from simgan.images.npy import NpyHeader, NpySource
from simgan.images.npz import NPZ_ERRORS, NpzSource
from simgan.images.writer import ImageWriter
from simgan.settings.choices import Layout


class NpyFile:
    """An .npy file, always in C order, whose images can be written in any order.

    It is not memory-mapped, because writing to a memory map on a full disk kills the process without an OSError.
    """

    def __init__(self, file: IO[bytes], header: NpyHeader, layout: Layout | None) -> None:
        self.file = file
        self._channels_first = layout == "nchw"
        self._dtype = header.dtype
        self._image_bytes = header.nbytes // header.shape[0]
        self._lock = threading.Lock()
        described = {
            "descr": np.lib.format.dtype_to_descr(header.dtype),
            "fortran_order": False,
            "shape": header.shape,
        }
        np.lib.format.write_array_header_1_0(file, described)
        self._start = file.tell()

    def put(self, index: int, images: NDArray[Any]) -> None:
        """Writes one image (H, W, C) at `index`, or images (N, H, W, C) from `index` on, in the byte order of the
        input."""
        stored = np.moveaxis(images, -1, -3) if self._channels_first else images
        with self._lock:
            self.file.seek(self._start + index * self._image_bytes)
            self.file.write(stored.astype(self._dtype, copy=False).tobytes())


class NpyWriter(ImageWriter[NpySource]):
    """Writes a new .npy file."""

    suffixes: tuple[str, ...] = (".npy",)

    def __init__(self, source: NpySource, output: Path) -> None:
        super().__init__(source, output)
        self._npy: NpyFile | None = None

    def _begin(self) -> None:
        self._npy = NpyFile(self.partial.open("wb"), self.source.header, self.source.layout)

    def _put(self, index: int, image: NDArray[Any]) -> None:
        if self._npy is not None:
            self._npy.put(index, image)

    def _put_many(self, indices: Sequence[int], images: Sequence[NDArray[Any]] | NDArray[Any]) -> None:
        if self._npy is not None and as_slice(indices) is not None:
            self._npy.put(indices[0], np.asarray(images))
        else:
            super()._put_many(indices, images)

    def _finish(self) -> None:
        self._release()

    def _release(self) -> None:
        npy, self._npy = self._npy, None
        if npy is not None:
            npy.file.close()


class NpzWriter(NpyWriter):
    """Writes a new .npz file with the members of the input, in the same order and compression.

    The images are first written to an unnamed temporary file beside the output, because a ZIP archive can only be
    written from front to back, and images may come in any order."""

    suffixes: tuple[str, ...] = (".npz",)
    write_errors = (*ImageWriter.write_errors, RuntimeError, zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error)
    source: NpzSource

    def _begin(self) -> None:
        self._check_members()
        # Closed by _release: the file outlives this call.
        gathered = tempfile.TemporaryFile(dir=self.output.absolute().parent)  # noqa: SIM115
        self._npy = NpyFile(gathered, self.source.header, self.source.layout)

    def _finish(self) -> None:
        if self._npy is None:
            return
        images = self._npy.file
        with zipfile.ZipFile(self.source.path) as old, zipfile.ZipFile(self.partial, "w") as new:
            for member in old.infolist():
                if member.filename == self.source.member:
                    images.seek(0)
                    _copy_member(iter(lambda: images.read(COPY_BYTES), b""), member, new)
                else:
                    with closing(self._member(old, member)) as content:
                        _copy_member(content, member, new)
        self._release()

    def _check_members(self) -> None:
        """Reads all members but the images, so that a damaged one is known before the work and not at its end."""
        with zipfile.ZipFile(self.source.path) as archive:
            for member in archive.infolist():
                if member.filename != self.source.member:
                    for _ in self._member(archive, member):
                        pass

    def _member(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Generator[bytes]:
        """The content of a member of the input. DataError if it cannot be read, or its checksum does not fit."""
        where = f"{self.source.path}: {member.filename!r}"
        try:
            stream = archive.open(member)
        except NPZ_ERRORS as error:
            raise unreadable(where, error) from error
        with stream:
            yield from blocks_of(stream, where, NPZ_ERRORS)


def _copy_member(content: Iterable[bytes], like: zipfile.ZipInfo, archive: zipfile.ZipFile) -> None:
    member = zipfile.ZipInfo(like.filename, like.date_time)
    member.compress_type, member.external_attr, member.comment = like.compress_type, like.external_attr, like.comment
    with archive.open(member, "w", force_zip64=True) as target:
        for block in content:
            target.write(block)
