"""The history of refined images (Shrivastava et al., CVPR 2017, section 2.3, figure 4).

A D that sees only the newest refined images forgets what R produced before, and R brings old artefacts back. So half
of the refined images in a batch of D come from a buffer of older refined images.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from simgan.engines.machine import device_memory
from simgan.engines.protocol import Array
from simgan.errors import ConfigError


class HistoryBuffer:
    """Refined images of past steps. New images are appended until the buffer is full, then replace random old images.

    Args:
        capacity: number of images that the buffer holds when full, B in the paper.
        image_shape: (H, W, C).
        seed: seed of the random draws and replacements.
        zeros: creates the array that holds the images, given its shape: float32, of NumPy or of a backend.
        to_device: copies an array to the device of the images.

    Raises:
        ConfigError: `capacity` is negative, or so many images do not fit into memory.
    """

    def __init__(
        self,
        capacity: int,
        image_shape: tuple[int, int, int],
        *,
        seed: int = 0,
        zeros: Callable[[tuple[int, ...]], Array] = lambda shape: np.zeros(shape, np.float32),
        to_device: Callable[[Array], Array] = np.asarray,
    ) -> None:
        if capacity < 0:
            raise ConfigError(f"capacity: expected no negative number, received {capacity}.")
        if 4 * capacity * math.prod(image_shape) > 0.8 * device_memory():
            raise ConfigError(
                f"capacity: expected as many images of {image_shape} as fit into memory, received {capacity}; "
                "choose a smaller history_size."
            )
        # Pages of zeros take no memory until they are written, so a large capacity costs nothing at the start.
        self._images = zeros((capacity, *image_shape))
        self._to_device = to_device
        self._count = 0
        self._random = np.random.default_rng(seed)

    @property
    def capacity(self) -> int:
        """Number of images that the buffer holds when full."""
        return len(self._images)

    def __len__(self) -> int:
        """Number of images that the buffer holds now."""
        return self._count

    def sample(self, count: int) -> Array:
        """Draws `count` different images, (count, H, W, C); fewer while the buffer holds fewer."""
        chosen = self._random.choice(self._count, min(count, self._count), replace=False)
        return self._images[self._to_device(chosen)]

    def add(self, refined: Array) -> None:
        """Adds refined images (count, H, W, C) with count <= capacity.

        They fill the free slots; the rest replace images in different slots, drawn at random. A buffer of capacity 0
        stays empty.

        Raises:
            ConfigError: the images have another shape, or are more than the capacity.
        """
        if not self.capacity:
            return
        if tuple(refined.shape[1:]) != tuple(self._images.shape[1:]) or len(refined) > self.capacity:
            raise ConfigError(
                f"refined: expected at most {self.capacity} images of {tuple(self._images.shape[1:])}, "
                f"received {tuple(refined.shape)}."
            )
        free = min(len(refined), self.capacity - self._count)
        occupied = self._random.choice(self._count, len(refined) - free, replace=False)
        slots = np.concatenate([np.arange(self._count, self._count + free), occupied])
        self._images[self._to_device(slots)] = refined
        self._count += free

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint: the images, and the state of the random generator."""
        return {
            "images": ops.convert_to_numpy(self._images[: self._count]),
            "random": self._random.bit_generator.state,
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Restores the images and the random generator from a checkpoint.

        Raises:
            KeyError, TypeError, ValueError: `saved` does not fit a buffer of this capacity and image size.
        """
        images = saved["images"]
        if images.shape[1:] != tuple(self._images.shape[1:]) or len(images) > self.capacity:
            raise ValueError(f"expected at most {self.capacity} images of the training's size")
        if len(images):
            self._images[self._to_device(np.arange(len(images)))] = self._to_device(images)
        self._count = len(images)
        self._random.bit_generator.state = saved["random"]
