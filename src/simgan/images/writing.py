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
    """A writer of a copy of `source` at `output` with the same format, bit depth, names and labels, and new pixels.

    Everything except the images is copied byte for byte: labels, attributes and other arrays in HDF5 and .npz files,
    other files in folders (hidden files are not copied). Raises DataError if `output` exists, is inside the input, has
    no parent folder, or has the extension of another format. Raises OutputError if the disk is full.
    """
    writer = writer_like(source, Path(output))
    writer.begin()
    return writer


def writer_like(source: ImageSource, output: Path) -> ImageWriter[Any]:
    """As `write_like`, but without calling `begin`: nothing is checked or written yet."""
    # If `source` is an Hdf5Source, its module is already imported. Otherwise h5py need not be imported for the test.
    if "simgan.images.hdf5" in sys.modules:
        from simgan.images.hdf5_source import Hdf5Source
        from simgan.images.hdf5_writer import Hdf5Writer

        if isinstance(source, Hdf5Source):
            return Hdf5Writer(source, output)
    from simgan.images.folder import FolderSource
    from simgan.images.folder_writer import FolderWriter
    from simgan.images.npy import NpySource
    from simgan.images.npy_writer import NpyWriter, NpzWriter
    from simgan.images.npz import NpzSource

    if isinstance(source, NpzSource):
        return NpzWriter(source, output)
    if isinstance(source, NpySource):
        return NpyWriter(source, output)
    if isinstance(source, FolderSource):
        return FolderWriter(source, output)
    raise DataError(
        f"{output}: expected a source from open_images, received {type(source).__name__}; call open_images"
    )
