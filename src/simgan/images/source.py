"""`ImageSource`: a data set of images, read one at a time, whatever the format."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.images.pixels import PixelRange, any_finite, check_values, within
from simgan.images.ranges import Origin, TypedRange, choose_range, in_words
from simgan.images.sampling import evenly_spaced

if TYPE_CHECKING:
    from simgan.images.readable import LeftOut
    from simgan.settings.choices import Layout

# Enough to meet every convention in use, and read in about a second. Ours.
RANGE_SAMPLE = 128


class ImageSource(ABC):
    """Images of one type and channel count, and the labels beside them. Nothing is held in memory.

    `source[index]` and `read` are safe from several threads; a source serves as a grain RandomAccessDataSource. A
    format implements `stored`, `size`, `close`, with labels `_labels`, and `stored_many` where many images are read
    faster together; `open_images` calls `settle` before handing the source out.
    """

    path: Path  # as given to open_images
    key: str | None = None  # as given to open_images
    layout: Layout | None = None  # likewise
    pattern: str | None = None  # as `images` given to open_images
    wanted_channels: int | None = None  # as `channels` given to open_images
    follow_links: bool = True  # as given to open_images
    left_out: Sequence[LeftOut] = ()  # images that cannot be used, where the set is without them
    no_labels: tuple[str, ...] = ()  # arrays beside the images that are not as long as they
    kind: str  # the format in words, 'HDF5, one data set per image'
    names: Sequence[str]  # key, relative posix path or zero-padded index of each image
    label_names: tuple[str, ...]  # what `labels` accepts
    dtype: np.dtype[Any]  # uint8, uint16, float16, float32 or float64, in native byte order
    channels: int  # C
    pixel_range: PixelRange  # the stored values that the model sees as [-1, 1]
    range_origin: Origin  # where `pixel_range` comes from
    other_range: TypedRange | None = None  # one that is known for another type, and so not used

    def __init__(self, path: Path, kind: str, names: Sequence[str], label_names: Sequence[str] = ()) -> None:
        self.path = path
        self.kind = kind
        self.names = names
        self.label_names = tuple(label_names)
        self._like = 0  # the image whose type and channels all the others must have
        self._range_in_words = ""
        self._required_size: tuple[int, int] | None = None

    @abstractmethod
    def stored(self, index: int) -> NDArray[Any]:
        """Image 0 <= index < N as (H, W, C), not compared with the rest of the set; DataError if it is unreadable."""

    def stored_many(self, indices: Sequence[int]) -> Sequence[NDArray[Any]] | NDArray[Any]:
        """As `stored`, the images at `indices`, in this order: one (N, H, W, C) array if they come as one block.

        At least one index. DataError, naming the first that is unreadable.
        """
        return [self.stored(index) for index in indices]

    @abstractmethod
    def size(self, index: int) -> tuple[int, int]:
        """(H, W) of image 0 <= index < N, from its header where the format has one; DataError if unreadable."""

    @abstractmethod
    def close(self) -> None:
        """Close the files. May be called twice."""

    def remarks(self, index: int) -> tuple[str, ...]:
        """What is unusual, though usable, about image `index`: for the report of `inspect_images`."""
        return ()

    def notes(self) -> tuple[str, ...]:
        """What is worth knowing of the whole set: for the same report."""
        if not self.no_labels:
            return ()
        listed = ", ".join(map(repr, self.no_labels))
        return (f"no label, since not one row for each of the {len(self)} images, and carried over as is: {listed}",)

    def _labels(self, name: str) -> NDArray[Any]:
        raise NotImplementedError

    def labels(self, name: str) -> NDArray[Any]:
        """The labels `name` in the order of `names`: (N, ...), read into memory.

        Raises DataError if there is no such label, or not one of the same shape for each image.
        """
        if name not in self.label_names:
            if self.path.is_dir():
                raise DataError(
                    f"{self.path}: expected an HDF5 or .npz file for the label {name!r}, received a folder, whose "
                    "labels (JSON, CSV, masks) are not read yet; put images and labels into such a file"
                )
            known = ", ".join(map(repr, self.label_names)) or "none"
            raise DataError(f"{self.path}: expected a label among {known}, received {name!r}; choose one of these")
        return self._labels(name)

    def where(self, index: int) -> str:
        """Image `index`, in words for an error message."""
        return f"image {self.names[index]!r} of {self.path}"

    def use_layout(self, layout: Layout | None) -> None:
        """Read arrays with the channels where `layout` says; DataError for a source that is no array."""
        if layout is not None:
            raise DataError(
                f"{self.path}: expected no layout= (--layout) for image files, received {layout!r}; leave it out"
            )

    def settle(
        self,
        pixel_range: PixelRange | TypedRange | None,
        like: int = 0,
        sample: Iterable[NDArray[Any]] | None = None,
    ) -> None:
        """Fix type and channels (those of image `like`) and the pixel range; see `choose_range`.

        A range is inferred from `sample`, by default RANGE_SAMPLE evenly spaced images; one that is known is compared
        with them. Raises DataError if one of those is unreadable, holds NaN or infinity, or if no range fits.
        """
        first = self.stored(like)
        self._like, self.dtype, self.channels = like, first.dtype, first.shape[2]
        if self.wanted_channels not in (None, self.channels):
            raise DataError(
                f"{self.where(like)}: expected {self.wanted_channels} channel(s), as channels= (--channels) says, "
                f"received {self.channels}; only grey and RGB picture files are converted, so convert the array"
            )
        spaced = evenly_spaced(len(self), RANGE_SAMPLE)
        images = (self._finite(index) for index in spaced) if sample is None else sample
        self.pixel_range, self.range_origin = choose_range(pixel_range, self.dtype, images, str(self.path))
        self._range_in_words = in_words(self.range_origin, pixel_range)
        if isinstance(pixel_range, TypedRange) and self.range_origin != "known":
            self.other_range = pixel_range
        whole_type = self.dtype.kind == "u" and self.pixel_range == PixelRange.of(self.dtype)
        if self.range_origin == "known" and sample is None and not whole_type:
            for index in spaced:
                self._check_values(index, self.stored(index))

    def _finite(self, index: int) -> NDArray[Any]:
        image = self.stored(index)
        check_values(image, any_finite(image.dtype), self.where(index))
        return image

    def require_size(self, size: tuple[int, int]) -> None:
        """From now on, reading an image whose (H, W) is not `size` raises DataError."""
        self._required_size = size

    def check(self, index: int, image: NDArray[Any]) -> None:
        """DataError, naming image `index`, if (H, W, C) `image` does not fit in type, channels, size or values."""
        if image.dtype != self.dtype or image.shape[2] != self.channels:
            raise DataError(
                f"{self.where(index)}: expected {self.channels} channel(s) of {self.dtype} as in "
                f"{self.names[self._like]!r}, received {image.shape[2]} of {image.dtype}; "
                "convert it, or keep one kind of image in a data set; --channels 1 or --channels 3 converts grey and "
                "colour picture files"
            )
        height, width = image.shape[:2]
        if self._required_size is not None and self._required_size != (height, width):
            expected = "x".join(map(str, self._required_size))
            raise DataError(
                f"{self.where(index)}: expected {expected} pixels (height x width) as in the rest of the set, "
                f"received {height}x{width}; give one size with --size HxW"
            )
        self._check_values(index, image)

    def _check_values(self, index: int, image: NDArray[Any]) -> None:
        check_values(image, self.pixel_range, self.where(index), self._range_in_words)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: SupportsIndex) -> NDArray[Any]:
        """Image `index` (negative: from the end) as (H, W, C) in `dtype`, values within `pixel_range`.

        Raises IndexError beyond the last image and DataError, naming the image, if it is unreadable, differs from the
        set in type or channels, or holds NaN, infinity or a value out of `pixel_range`.
        """
        position = self._position(index)
        image = self.stored(position)
        self.check(position, image)
        return image

    def read(self, indices: Sequence[SupportsIndex]) -> list[NDArray[Any]]:
        """The images at `indices`, in this order and as `source[index]` gives them; read together, so faster.

        Raises as `source[index]` does, for the first image that is at fault.
        """
        positions = [self._position(index) for index in indices]
        if not positions:
            return []
        images = self.stored_many(positions)
        if not (isinstance(images, np.ndarray) and self._all_fit(images)):
            for position, image in zip(positions, images, strict=True):
                self.check(position, image)
        return list(images)

    def _position(self, index: SupportsIndex) -> int:
        position = operator.index(index)
        position += len(self) if position < 0 else 0
        if not 0 <= position < len(self):
            raise IndexError(f"image {operator.index(index)} of {len(self)} in {self.path}")
        return position

    def _all_fit(self, images: NDArray[Any]) -> bool:
        """Whether `check` would pass each of (N, H, W, C) `images`."""
        return (
            images.dtype == self.dtype
            and images.shape[3] == self.channels
            and self._required_size in (None, images.shape[1:3])
            and within(images, self.pixel_range)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_all(source: ImageSource) -> NDArray[np.float32]:
    """Every image of a small data set of one size, (N, H, W, C) in [-1, 1], in memory."""
    return source.pixel_range.to_model(np.stack(source.read(range(len(source)))))
