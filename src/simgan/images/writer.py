"""`ImageWriter`: refined images into a copy of the data set that they came from."""

from __future__ import annotations

import operator
import os
import shutil
import zipfile
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
from simgan.images.pixels import check_values, within
from simgan.images.source import ImageSource

# Raised by Pillow, h5py, NumPy and zipfile when they cannot write. DataError, a ValueError too, passes as it is.
WRITE_ERRORS = (OSError, RuntimeError, ValueError, zipfile.BadZipFile)
S = TypeVar("S", bound=ImageSource)


class ImageWriter(ABC, Generic[S]):
    """A data set in the making, under the name `.<name>.partial` beside `output`. Use it as a context manager.

    At the end it is renamed to `output` if every image was written; otherwise, and on any error, it is removed: then
    `output` is either complete or not there. `write` and `write_many` are safe from several threads. Where the disk is
    full or cannot be written, and where something else took the name `output`, the error is an OutputError.
    """

    suffixes: tuple[str, ...] = ()  # of the outputs that this format goes by; none: any
    leaves_out = False  # whether `set_aside` leaves an image out: only where images go by name, not by place

    def __init__(self, source: S, output: Path) -> None:
        self.source = source
        self.output = output
        self.partial = output.with_name(f".{output.name}.partial")
        self._written = bytearray(len(source))
        self._open = False
        self._finished = False

    @abstractmethod
    def _begin(self) -> None:
        """Make `partial`, with everything that is not an image in it."""

    @abstractmethod
    def _put(self, index: int, image: NDArray[Any]) -> None:
        """Write (H, W, C) `image`, already checked."""

    @abstractmethod
    def _finish(self) -> None:
        """Complete `partial`, and close it."""

    @abstractmethod
    def _release(self) -> None:
        """Close the files without completing them. May be called twice, and after `_finish`."""

    def begin(self, *, take_over: bool = False) -> None:
        """Start writing. Raises DataError, leaving nothing behind, if `output` is not to be had.

        `take_over`: what a job that died left in the making is removed; the caller knows that none is at work.
        """
        self.check_output()
        if take_over:
            self._remove_partial()
        if os.path.lexists(self.partial):
            raise DataError(
                f"{self.output}: expected no {self.partial.name} beside it, received one from a job running or "
                "interrupted; remove it"
            )
        self._open = True
        with self._nothing_left_on_error():
            self._begin()

    def write(self, index: SupportsIndex, image: NDArray[Any]) -> None:
        """Write `image` (H, W, C), of the type, size and pixel range of image `index` of the source.

        Raises DataError if it is of another or if the writer is closed, OutputError if the disk is full.
        """
        self.write_many([index], image[np.newaxis])

    def write_many(self, indices: Sequence[SupportsIndex], images: Sequence[NDArray[Any]] | NDArray[Any]) -> None:
        """As `write`, many images together, which is faster: an (N, H, W, C) array, or images of several sizes."""
        positions = [self._position(index) for index in indices]
        if not positions:
            return
        with self._nothing_left_on_error():
            self._check_images(positions, images)
            self._put_many(positions, images)
        for position in positions:
            self._written[position] = 1

    def set_aside(self, index: SupportsIndex, original: NDArray[Any]) -> None:
        """Do not write a refined image. With `leaves_out`, it and its labels will be missing in the output.

        Otherwise `original` stands in its place: without it all rows behind would lose their labels.
        """
        position = self._position(index)
        if self.leaves_out:
            self.leave_out(position)
        else:
            self.write(position, original)

    def leave_out(self, index: SupportsIndex) -> None:
        """Do not write an image, nor its labels; only with `leaves_out`."""
        position = self._position(index)
        with self._nothing_left_on_error():
            self._leave_out(position)
        self._written[position] = 1

    def _leave_out(self, index: int) -> None:
        """Remove image `index` and its labels from `partial`."""
        raise NotImplementedError

    def _position(self, index: SupportsIndex) -> int:
        position = operator.index(index)
        if not self._open or self._finished:
            raise DataError(f"{self.output}: expected an open writer, received a closed one; start again")
        if not 0 <= position < len(self.source):
            raise DataError(
                f"{self.output}: expected an image index from 0 to {len(self.source) - 1}, received {position}"
                "; write one image for each that was read"
            )
        return position

    def _put_many(self, indices: Sequence[int], images: Sequence[NDArray[Any]] | NDArray[Any]) -> None:
        """As `_put`, at least one."""
        for index, image in zip(indices, images, strict=True):
            self._put(index, image)

    def finish(self) -> None:
        """Complete the output and put it on the disk, which may take minutes; only its name is missing then.

        Raises DataError, leaving nothing behind, if an image was not written.
        """
        missing = self._written.count(0)
        if missing:
            first = self.source.names[self._written.index(0)]
            self.discard()
            raise DataError(
                f"{self.output}: expected {len(self.source)} images to be written, received {missing} fewer, the "
                f"first missing {first!r}; nothing was kept, write them all"
            )
        with self._nothing_left_on_error():
            self._finish()
            sync_all(self.partial)  # what it was made from may be removed once it has its name
        self._finished = True

    def close(self) -> None:
        """Finish, unless that is done, and rename to `output`. May be called twice."""
        if not self._open:
            return
        if not self._finished:
            self.finish()
        with self._nothing_left_on_error():
            if os.path.lexists(self.output):
                raise OutputError(f"{self.output}: expected no file there yet, received one meanwhile; remove it")
            self.partial.rename(self.output)
            self._open = False
            sync(self.output.absolute().parent)

    def discard(self) -> None:
        """Stop, and remove what was written so far."""
        if not self._open:
            return
        self._open = False
        with suppress(*WRITE_ERRORS, MemoryError):
            self._release()
        self._remove_partial()

    def _remove_partial(self) -> None:
        if self.partial.is_dir() and not self.partial.is_symlink():
            shutil.rmtree(self.partial, ignore_errors=True)
        else:
            self.partial.unlink(missing_ok=True)

    @contextmanager
    def _nothing_left_on_error(self) -> Iterator[None]:
        try:
            yield
        except WRITE_ERRORS as error:
            self.discard()
            if isinstance(error, DataError):
                raise
            raise output_error(self.output, error) from error
        except BaseException:
            self.discard()
            raise

    def check_output(self) -> None:
        """DataError unless there can be an output of that name."""
        output, inside = self.output.absolute(), self.source.path.resolve()
        if os.path.lexists(output):
            raise DataError(
                f"{self.output}: expected a name not in use, received one that is; remove it or name another"
            )
        if not output.parent.is_dir():
            raise DataError(f"{self.output}: expected an existing folder to write to, received none; make it first")
        if (output.parent.resolve() / output.name).is_relative_to(inside):
            raise DataError(
                f"{self.output}: expected an output outside of {self.source.path}, received one inside; name another"
            )
        if self.suffixes and self.output.suffix.lower() not in self.suffixes:
            raise DataError(
                f"{self.output}: expected a name ending in {' or '.join(self.suffixes)}, as the input, received "
                f"{self.output.suffix!r}; the format is kept"
            )

    def _check_images(self, indices: Sequence[int], images: Sequence[NDArray[Any]] | NDArray[Any]) -> None:
        source = self.source
        for index, image in zip(indices, images, strict=True):
            expected = (*source.size(index), source.channels)
            if image.shape != expected or image.dtype != source.dtype:
                raise DataError(
                    f"{source.where(index)}: expected {expected} {source.dtype} to write, as it was read, "
                    f"received {image.shape} {image.dtype}; use PixelRange.from_model and keep the size"
                )
        if isinstance(images, np.ndarray) and within(images, source.pixel_range):
            return
        for index, image in zip(indices, images, strict=True):
            check_values(image, source.pixel_range, f"refined {source.where(index)}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.discard()
