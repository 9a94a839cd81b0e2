"""`write_like`: the writer for the format of a source."""

from __future__ import annotations

import sys
from os import PathLike
from pathlib import Path
from typing import Any

from simgan.errors import DataError
from simgan.images.source import ImageSource
from simgan.images.writer import ImageWriter


def write_like(source: ImageSource, output: str | PathLike[str]) -> ImageWriter[Any]:
    """A writer of a copy of `source` at `output`: same format, bit depth, names and labels, other pixels.

    Whatever is not an image is carried over byte for byte: labels, attributes and further arrays in HDF5 and .npz
    files, files of other kinds in folders (hidden ones are left out). Raises DataError if `output` exists, lies in the
    input, has no parent folder or the extension of another format; OutputError if the disk is full.
    """
    writer = writer_like(source, Path(output))
    writer.begin()
    return writer


def writer_like(source: ImageSource, output: Path) -> ImageWriter[Any]:
    """As `write_like`, before `begin`: nothing has been looked at or written."""
    # A source's module is loaded if there is a source of it: h5py is not imported to find out that it was not used.
    if "simgan.images.hdf5" in sys.modules:
        from simgan.images.hdf5_source import Hdf5Source
        from simgan.images.hdf5_writer import Hdf5Writer

        if isinstance(source, Hdf5Source):
            return Hdf5Writer(source, output)
    from simgan.images.folder import FolderSource
    from simgan.images.folder_writer import FolderWriter
    from simgan.images.npy import NpySource, NpzSource
    from simgan.images.npy_writer import NpyWriter, NpzWriter

    if isinstance(source, NpzSource):
        return NpzWriter(source, output)
    if isinstance(source, NpySource):
        return NpyWriter(source, output)
    if isinstance(source, FolderSource):
        return FolderWriter(source, output)
    raise DataError(f"{output}: expected a source from open_images, received {type(source).__name__}; open it so")
