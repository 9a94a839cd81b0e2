"""The history of refined images (Shrivastava et al., CVPR 2017, section 2.3, figure 4).

D that sees only the newest refined images forgets what R produced before, and R brings old artefacts back. So half
of the refined images in a batch of D come from a buffer of older ones.
"""

import math
import os

import numpy as np
from numpy.typing import NDArray

from simgan.errors import ConfigError


class HistoryBuffer:
    """Refined images of past steps: appended until the buffer is full, at random places from then on.

    Args:
        capacity: images that it holds, B in the paper.
        image_shape: (H, W, C).
        seed: of the draws and the places.

    Raises:
        ConfigError: `capacity` is not positive, or so many images do not fit into memory.
    """

    def __init__(self, capacity: int, image_shape: tuple[int, int, int], *, seed: int = 0) -> None:
        if capacity < 1:
            raise ConfigError(f"capacity: expected at least one image, received {capacity}.")
        if 4 * capacity * math.prod(image_shape) > 0.8 * _memory():
            raise ConfigError(
                f"capacity: expected as many images of {image_shape} as fit into memory, received {capacity}; "
                "choose a smaller history_size."
            )
        # Zeroed pages cost nothing until they are written, so a large capacity is free at the start.
        self._images = np.zeros((capacity, *image_shape), np.float32)
        self._count = 0
        self._random = np.random.default_rng(seed)

    @property
    def capacity(self) -> int:
        """Images that the buffer holds when full."""
        return len(self._images)

    def __len__(self) -> int:
        """Images that the buffer holds now."""
        return self._count

    def sample(self, count: int) -> NDArray[np.float32]:
        """Draws `count` different images, (count, H, W, C); fewer while the buffer holds fewer."""
        chosen = self._random.choice(self._count, min(count, self._count), replace=False)
        return self._images[chosen]

    def add(self, refined: NDArray[np.float32]) -> None:
        """Takes in refined images (count, H, W, C) with count <= capacity: into free slots first, then over
        different slots at random.

        Raises:
            ConfigError: the images have another shape, or are more than the capacity.
        """
        if refined.shape[1:] != self._images.shape[1:] or len(refined) > self.capacity:
            raise ConfigError(
                f"refined: expected at most {self.capacity} images of {self._images.shape[1:]}, "
                f"received {refined.shape}."
            )
        free = min(len(refined), self.capacity - self._count)
        occupied = self._random.choice(self._count, len(refined) - free, replace=False)
        slots = np.concatenate([np.arange(self._count, self._count + free), occupied])
        self._images[slots] = refined
        self._count += free


def _memory() -> float:
    """Bytes of this machine's memory; infinity where the system does not tell."""
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return math.inf
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
