"""The history of refined images (Shrivastava et al., CVPR 2017, section 2.3, figure 4).

D that sees only the newest refined images forgets what R produced before, and R brings old artefacts back. So half
of the refined images in a batch of D come from a buffer of older ones.
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
    """Refined images of past steps: appended until the buffer is full, at random places from then on.

    Args:
        capacity: images that it holds, B in the paper.
        image_shape: (H, W, C).
        seed: of the draws and the places.
        zeros: makes the array that holds the images, from its shape: float32, of NumPy or of a backend.
        to_device: brings an array of indices to where the images are.

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
        # Zeroed pages cost nothing until they are written, so a large capacity is free at the start.
        self._images = zeros((capacity, *image_shape))
        self._to_device = to_device
        self._count = 0
        self._random = np.random.default_rng(seed)

    @property
    def capacity(self) -> int:
        """Images that the buffer holds when full."""
        return len(self._images)

    def __len__(self) -> int:
        """Images that the buffer holds now."""
        return self._count

    def sample(self, count: int) -> Array:
        """Draws `count` different images, (count, H, W, C); fewer while the buffer holds fewer."""
        chosen = self._random.choice(self._count, min(count, self._count), replace=False)
        return self._images[self._to_device(chosen)]

    def add(self, refined: Array) -> None:
        """Takes in refined images (count, H, W, C) with count <= capacity: into free slots first, then over
        different slots at random. A buffer of no capacity takes in nothing.

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
        """For a checkpoint: the images that it holds, and what its draws go on from."""
        return {
            "images": ops.convert_to_numpy(self._images[: self._count]),
            "random": self._random.bit_generator.state,
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Goes on where a checkpoint was made.

        Raises:
            KeyError, TypeError, ValueError: these are no images for this buffer.
        """
        images = saved["images"]
        if images.shape[1:] != tuple(self._images.shape[1:]) or len(images) > self.capacity:
            raise ValueError(f"expected at most {self.capacity} images of the training's size")
        if len(images):
            self._images[self._to_device(np.arange(len(images)))] = self._to_device(images)
        self._count = len(images)
        self._random.bit_generator.state = saved["random"]
