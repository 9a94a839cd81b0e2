"""`ImageSource`: a data set of images in any format, read one image at a time."""

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

# Images that are read to infer the pixel range. Enough to find values of all sizes, read in about a second. Ours.
RANGE_SAMPLE = 128


class ImageSource(ABC):
    """Images of one pixel type and number of channels, and their labels. Images are not kept in memory.

    `source[index]` and `read` may be called from several threads, and a source can be used as a grain
    RandomAccessDataSource. The class of a format implements `stored`, `size` and `close`; `_labels` if the format has
    labels; `stored_many` if it can read many images together faster. `open_images` calls `settle` before it returns a
    source.
    """

    path: Path  # as given to open_images
    key: str | None = None  # as given to open_images
    layout: Layout | None = None  # as given to open_images
    pattern: str | None = None  # the argument `images` of open_images
    wanted_channels: int | None = None  # the argument `channels` of open_images
    follow_links: bool = True  # as given to open_images
    left_out: Sequence[LeftOut] = ()  # images that cannot be used, if they were skipped
    other_arrays: tuple[str, ...] = ()  # arrays in the file that do not have one row for each image
    kind: str  # the format in words, 'HDF5, one data set per image'
    names: Sequence[str]  # key, relative posix path or zero-padded index of each image
    label_names: tuple[str, ...]  # what `labels` accepts
    dtype: np.dtype[Any]  # uint8, uint16, float16, float32 or float64, in native byte order
    channels: int  # C
    pixel_range: PixelRange  # the stored values that the model sees as [-1, 1]
    range_origin: Origin  # where `pixel_range` comes from
    range_in_words: str = ""  # where `pixel_range` comes from, as messages add it after the range
    other_range: TypedRange | None = None  # a range known for another pixel type, so not used

    def __init__(self, path: Path, kind: str, names: Sequence[str], label_names: Sequence[str] = ()) -> None:
        self.path = path
        self.kind = kind
        self.names = names
        self.label_names = tuple(label_names)
        self._like = 0  # the image whose type and channels all the others must have
        self._required_size: tuple[int, int] | None = None

    def _take_after(self, whole: ImageSource) -> None:
        """Takes over how `whole` was opened and what its pixels are, for a source made of images of `whole`."""
        self.key, self.layout, self.pattern = whole.key, whole.layout, whole.pattern
        self.wanted_channels, self.follow_links = whole.wanted_channels, whole.follow_links
        self.left_out, self.other_arrays = whole.left_out, whole.other_arrays
        self.dtype, self.channels, self.pixel_range = whole.dtype, whole.channels, whole.pixel_range
        self.range_origin, self.range_in_words = whole.range_origin, whole.range_in_words
        self.other_range = whole.other_range

    @abstractmethod
    def stored(self, index: int) -> NDArray[Any]:
        """Image 0 <= index < N as (H, W, C), without the tests of `check`. Raises DataError if it cannot be read."""

    def stored_many(self, indices: Sequence[int]) -> Sequence[NDArray[Any]] | NDArray[Any]:
        """The images at `indices` (at least one) in this order, each as from `stored`.

        Returns one (N, H, W, C) array if the format reads them as one block, else a list. Raises DataError, with the
        name of the first image that cannot be read.
        """
        return [self.stored(index) for index in indices]

    @abstractmethod
    def size(self, index: int) -> tuple[int, int]:
        """(H, W) of image 0 <= index < N, from its header if the format has headers. Raises DataError if
        unreadable."""

    @abstractmethod
    def close(self) -> None:
        """Close the files. May be called twice."""

    def remarks(self, index: int) -> tuple[str, ...]:
        """What is unusual about image `index`, which can be used all the same, in words that follow 'n image(s)'."""
        return ()

    def has_alpha(self, index: int) -> bool:
        """Whether image `index` is stored with an alpha channel, which is not read but copied. DataError if
        unreadable."""
        return False

    def notes(self) -> tuple[str, ...]:
        """What a user should know about the whole data set, one text each."""
        if not self.other_arrays:
            return ()
        listed = ", ".join(map(repr, self.other_arrays))
        return (
            f"not used as labels, but copied unchanged: {listed}; a label needs one row for each of the {len(self)} "
            "images",
        )

    def _labels(self, name: str) -> NDArray[Any]:
        raise NotImplementedError

    def labels(self, name: str, indices: Sequence[int] | None = None) -> NDArray[Any]:
        """Reads the label `name` of the images at `indices`, by default of all, into memory: (N, ...), in their order.

        Boxes are an array of N objects; see `simgan.labels.Box`. Raises DataError if there is no such label, or if its
        shape is not the same for all these images.
        """
        self.check_label_name(name)
        values = self._labels(name)
        return values if indices is None else values[list(indices)]

    def label_classes(self, name: str) -> tuple[str, ...]:
        """Names of the classes that the whole numbers in a label stand for: of colours of masks, or of boxes.

        () if the numbers stand for themselves, or if the names are unknown. Call it after `labels`, which may find
        more classes.
        """
        self.check_label_name(name)
        return ()

    def inspect_label(self, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Shape (N, ...) and type of a label of all images. Reads it, and raises DataError as `labels` does."""
        values = self.labels(name)
        return values.shape, values.dtype

    def check_label_name(self, name: str) -> None:
        """Raises DataError if there is no such label."""
        if name not in self.label_names:
            known = ", ".join(map(repr, self.label_names)) or "none"
            raise DataError(
                f"{self.path}: expected the name of a label ({known}), received {name!r}; choose one of these labels"
                + (" ('simgan check' says which files are read as labels)" if self.path.is_dir() else "")
            )

    def where(self, index: int) -> str:
        """Image `index`, in words for an error message."""
        return f"image {self.names[index]!r} of {self.path}"

    def use_layout(self, layout: Layout | None) -> None:
        """Reads the array with its channels at the position that `layout` gives. Raises DataError if it is no
        array."""
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
        """Sets the pixel type and channels of the data set to those of image `like`, and chooses the pixel range.

        A range is inferred from `sample`, by default RANGE_SAMPLE evenly spaced images; see `choose_range`. A range
        known from a training is compared with those images. Raises DataError if no range fits, or if an image of the
        sample cannot be read or holds NaN or infinity.
        """
        first = self.stored(like)
        self._like, self.dtype, self.channels = like, first.dtype, first.shape[2]
        if self.wanted_channels not in (None, self.channels):
            raise DataError(
                f"{self.where(like)}: expected {self.wanted_channels} channel(s), as channels= (--channels) asks, "
                f"received {self.channels}; only picture files (grey or RGB) are converted: convert the array yourself"
            )
        spaced = evenly_spaced(len(self), RANGE_SAMPLE)
        images = (self._finite(index) for index in spaced) if sample is None else sample
        self.pixel_range, self.range_origin = choose_range(pixel_range, self.dtype, images, str(self.path))
        self.range_in_words = in_words(self.range_origin, pixel_range)
        if isinstance(pixel_range, TypedRange) and self.range_origin != "known":
            self.other_range = pixel_range
        full_range = self.dtype.kind == "u" and self.pixel_range == PixelRange.of(self.dtype)
        if self.range_origin == "known" and sample is None and not full_range:
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
        """Raises DataError with the name of image `index` if its pixels differ from the data set.

        `image`, (H, W, C), must have the type, channels and required size of the data set, and values in its range.
        """
        if image.dtype != self.dtype or image.shape[2] != self.channels:
            raise DataError(
                f"{self.where(index)}: expected {self.channels} channel(s) of {self.dtype} as in "
                f"{self.names[self._like]!r}, received {image.shape[2]} channel(s) of {image.dtype}; "
                "convert the image, or remove it from the data set; for a folder, --channels 1 or --channels 3 "
                "converts all pictures to grey or RGB"
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
        check_values(image, self.pixel_range, self.where(index), self.range_in_words)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: SupportsIndex) -> NDArray[Any]:
        """Image `index` (negative: from the end) as (H, W, C) in `dtype`, with values within `pixel_range`.

        Raises IndexError if there is no such image. Raises DataError, with the name of the image, if it cannot be
        read, differs from the data set in type or channels, or holds NaN, infinity or a value outside `pixel_range`.
        """
        position = self._position(index)
        image = self.stored(position)
        self.check(position, image)
        return image

    def read(self, indices: Sequence[SupportsIndex]) -> list[NDArray[Any]]:
        """The images at `indices`, in this order, each as from `source[index]`. Reading them together is faster.

        Raises the error of `source[index]` for the first image that has one.
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
            raise IndexError(
                f"image {operator.index(index)}: expected an index below {len(self)}, the images in {self.path}"
            )
        return position

    def _all_fit(self, images: NDArray[Any]) -> bool:
        """Whether `check` would accept every image in `images`, (N, H, W, C)."""
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
    """Reads a small data set, whose images have one size, into memory: (N, H, W, C) in [-1, 1]."""
    return source.pixel_range.to_model(np.stack(source.read(range(len(source)))))
