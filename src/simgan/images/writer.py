"""`ImageWriter`: writes refined images into a copy of the data set that they were made from."""

from __future__ import annotations

import operator
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, SupportsIndex, TypeVar

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError, OutputError
from simgan.files.folders import output_error, sync, sync_all
from simgan.images.output_checks import check_images, check_output
from simgan.images.source import ImageSource

S = TypeVar("S", bound=ImageSource)


class ImageWriter(ABC, Generic[S]):
    """Writes a data set as `.<name>.partial` beside `output`. Use the writer as a context manager.

    At the end the partial data set is renamed to `output` if every image was written. Otherwise, and after any error,
    it is removed. So `output` is either complete or does not exist. `write` and `write_many` may be called from
    several threads. OutputError is raised if the disk is full or cannot be written, or if another process created
    `output`."""

    # Errors that mean that the output cannot be written; some formats have more. All others are raised unchanged.
    write_errors: tuple[type[Exception], ...] = (OSError, MemoryError)
    suffixes: tuple[str, ...] = ()  # allowed suffixes of `output`; empty: any suffix
    leaves_out = False  # whether images can be left out; rows of an array cannot, because labels belong to row numbers

    def __init__(self, source: S, output: Path) -> None:
        if not output.name or "\0" in output.name:
            raise DataError(
                f"output: expected a path that ends in a name, received {str(output)!r}; name a file or folder"
            )
        self.source = source
        self.output = output
        self.partial = output.with_name(f".{output.name}.partial")
        self._written = bytearray(len(source))
        self._open = False
        self._finished = False

    @abstractmethod
    def _begin(self) -> None:
        """Creates `partial` and copies into it everything except the images."""

    @abstractmethod
    def _put(self, index: int, image: NDArray[Any]) -> None:
        """Writes `image`, (H, W, C), which is checked already, as image `index`."""

    @abstractmethod
    def _finish(self) -> None:
        """Completes `partial` and closes its files."""

    @abstractmethod
    def _release(self) -> None:
        """Closes the files without completing them. May be called twice, and after `_finish`."""

    def begin(self, *, take_over: bool = False) -> None:
        """Starts writing. Raises DataError, and leaves no file behind, if `output` cannot be created.

        `take_over`: whether to remove the partial data set of a job that died. The caller must know that no other job
        is writing it.
        """
        self.check_output()
        if take_over:
            self._remove_partial()
        if os.path.lexists(self.partial):
            raise DataError(
                f"{self.output}: expected no file {self.partial.name} beside this output, received one from a job "
                "that is running or was interrupted; if no job is running, remove that file"
            )
        self._open = True
        with self._nothing_left_on_error():
            self._begin()

    def write(self, index: SupportsIndex, image: NDArray[Any]) -> None:
        """Writes `image`, (H, W, C), as image `index`; its type, size and pixel range must be those of the source.

        Raises DataError if they differ or if the writer is closed, and OutputError if the disk is full.
        """
        self.write_many([index], image[np.newaxis])

    def write_many(self, indices: Sequence[SupportsIndex], images: Sequence[NDArray[Any]] | NDArray[Any]) -> None:
        """As `write`, for many images: an (N, H, W, C) array, or a list of images of several sizes. This is faster."""
        positions = [self._position(index) for index in indices]
        with self._discarded_on_error():
            check_images(self.source, self.output, positions, images)
        if not positions:
            return
        with self._nothing_left_on_error():
            self._put_many(positions, images)
        for position in positions:
            self._written[position] = 1

    def set_aside(self, index: SupportsIndex, original: NDArray[Any]) -> None:
        """Writes no refined image at `index`. If `leaves_out` is True, `leave_out` is called.

        Otherwise `original` is written in its place: without it, all later rows would get the labels of other images.
        """
        position = self._position(index)
        if self.leaves_out:
            self.leave_out(position)
        else:
            self.write(position, original)

    def leave_out(self, index: SupportsIndex) -> None:
        """Writes no image `index`, and in HDF5 none of its labels. Only allowed if `leaves_out` is True.

        In a folder the files of its labels are copied like all other files; see `copied_beside`.
        """
        position = self._position(index)
        with self._nothing_left_on_error():
            self._leave_out(position)
        self._written[position] = 1

    def _leave_out(self, index: int) -> None:
        """Removes image `index`, and in HDF5 its labels, from `partial`."""
        raise NotImplementedError

    def copied_beside(self, index: int) -> tuple[str, ...]:
        """Files of the output, such as labels, that differ from image `index` only in the suffix or the subfolder.

        If images in several subfolders share a name, only files in the subfolder of image `index` are returned.
        """
        return ()

    def _position(self, index: SupportsIndex) -> int:
        position = operator.index(index)
        if not self._open or self._finished:
            raise DataError(f"{self.output}: expected an open writer, received a closed writer; create a new one")
        if not 0 <= position < len(self.source):
            raise DataError(
                f"{self.output}: expected an image index from 0 to {len(self.source) - 1}, received {position}"
                "; write one image for each image of the source"
            )
        return position

    def _put_many(self, indices: Sequence[int], images: Sequence[NDArray[Any]] | NDArray[Any]) -> None:
        """As `_put`, for at least one image."""
        for index, image in zip(indices, images, strict=True):
            self._put(index, image)

    def finish(self) -> None:
        """Completes the output, except for its name, and flushes it to the disk, which may take minutes.

        Raises DataError, and leaves no file behind, if an image was not written.
        """
        missing = self._written.count(0)
        if missing:
            first = self.source.names[self._written.index(0)]
            self.discard()
            raise DataError(
                f"{self.output}: expected {len(self.source)} images to be written, received {missing} fewer, the "
                f"first missing {first!r}; the output was removed, write every image"
            )
        with self._nothing_left_on_error():
            self._finish()
            sync_all(self.partial)  # once the output has its name, the caller may delete the spooled images
        self._finished = True

    def close(self) -> None:
        """Calls `finish` unless that is done, then renames the data set to `output`. May be called twice."""
        if not self._open:
            return
        if not self._finished:
            self.finish()
        with self._nothing_left_on_error():
            if os.path.lexists(self.output):
                raise OutputError(
                    f"{self.output}: expected a name not in use, received one created meanwhile; remove it"
                )
            self.partial.rename(self.output)
            try:
                sync(self.output.absolute().parent)
            except BaseException:
                self.output.rename(self.partial)
                raise
            self._open = False

    def discard(self) -> None:
        """Stops writing, and removes the partial data set."""
        if not self._open:
            return
        self._open = False
        with suppress(*self.write_errors):
            self._release()
        self._remove_partial()

    def _remove_partial(self) -> None:
        if self.partial.is_dir() and not self.partial.is_symlink():
            shutil.rmtree(self.partial, ignore_errors=True)
        else:
            self.partial.unlink(missing_ok=True)

    @contextmanager
    def _discarded_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.discard()
            raise

    @contextmanager
    def _nothing_left_on_error(self) -> Iterator[None]:
        """As `_discarded_on_error`; turns `write_errors` into OutputError."""
        with self._discarded_on_error():
            try:
                yield
            except DataError:  # not an error of writing, although it is a ValueError
                raise
            except self.write_errors as error:
                raise output_error(self.output, error, "the unfinished output was removed") from error

    def check_output(self) -> None:
        """Raises DataError if `output` exists, or if its folder or suffix is not allowed."""
        check_output(self.output, self.source.path, self.suffixes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.discard()
