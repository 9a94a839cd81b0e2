"""Random crops of images of any size, as a data set of images of one size."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from simgan.images.names import Names
from simgan.images.source import ImageSource

# Ours: a training of the default length draws each crop about five times, and 1,024 photographs of full HD are read in
# about a minute.
_CROPS, _IMAGES = 8192, 1024


class Crops(ImageSource):
    """Crops of `size` from random places of the images of `whole`, at the images' own resolution, without labels.

    Each image gives as many crops as make about 8,192 in all. From a set of more than 1,024 images, 1,024 are drawn at
    random. Images smaller than a crop are padded with their mirror image. Image and place of a crop follow from `seed`
    and the index of the crop alone. Crops of one image have consecutive indices, so if crops are read in order, the
    image is read only once.

    Args:
        whole: the images, of any sizes. Closing this source closes `whole`.
        size: (H, W) of the crops.
        seed: of the choice of images and places.
    """

    def __init__(self, whole: ImageSource, size: tuple[int, int], *, seed: int) -> None:
        used = min(len(whole), _IMAGES)
        self.whole, self.crop_size, self._seed = whole, size, seed
        self.per_image = max(1, _CROPS // used)
        random = np.random.default_rng((seed, len(whole)))
        chosen = random.permutation(len(whole))[:used] if used < len(whole) else np.arange(used)
        self.images = np.sort(chosen)
        """Indices in `whole` of the images that crops are cut from."""
        super().__init__(whole.path, whole.kind, _CropNames(whole.names, self.images, self.per_image))
        self._take_after(whole)
        self._read = lru_cache(maxsize=2)(whole.__getitem__)  # two, since two threads read batches ahead

    def stored(self, index: int) -> NDArray[Any]:
        """Crop `index`; an image that cannot be used raises DataError."""
        image = self._read(int(self.images[index // self.per_image]))
        random = np.random.default_rng((self._seed, index))
        padded = _padded(image, self.crop_size)
        height, width = self.crop_size
        top, left = (
            int(random.integers(0, have - want + 1)) for have, want in zip(padded.shape, self.crop_size, strict=False)
        )
        return padded[top : top + height, left : left + width]

    def size(self, index: int) -> tuple[int, int]:
        """See `ImageSource.size`."""
        return self.crop_size

    def __getitem__(self, index: SupportsIndex) -> NDArray[Any]:
        """See `ImageSource`. The whole image has been checked, so its crop needs no check."""
        return self.stored(self._position(index))

    def read(self, indices: Sequence[SupportsIndex]) -> list[NDArray[Any]]:
        """See `ImageSource.read`."""
        return [self[index] for index in indices]

    def close(self) -> None:
        """See `ImageSource.close`."""
        self.whole.close()


def middle_crop(image: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """The middle `size` (h, w) of an image (H, W, C), which is continued by its mirror image if it is smaller."""
    padded = _padded(image, size)
    top, left = ((have - want) // 2 for have, want in zip(padded.shape, size, strict=False))
    return padded[top : top + size[0], left : left + size[1]]


def _padded(image: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """An image (H, W, C), padded on all sides with its mirror image to at least `size`."""
    missing = [max(0, want - have) for have, want in zip(image.shape, size, strict=False)]
    if not any(missing):
        return image
    sides = [(lack // 2, lack - lack // 2) for lack in missing]
    return np.pad(image, [*sides, (0, 0)], mode="symmetric")


class _CropNames(Names):
    """'name, crop 3' as the name of the third crop of an image, and so on."""

    def __init__(self, names: Sequence[str], images: NDArray[np.int64], per_image: int) -> None:
        self._names, self._images, self._per_image = names, images, per_image

    def __len__(self) -> int:
        return len(self._images) * self._per_image

    def _name(self, index: int) -> str:
        number, crop = divmod(index, self._per_image)
        return f"{self._names[int(self._images[number])]}, crop {crop + 1}"
