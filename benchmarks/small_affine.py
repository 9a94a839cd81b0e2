"""The augmentation of images with classes: photometric changes, and small changes of place and shape."""

import cv2
import numpy as np
from numpy.typing import NDArray

from simgan.tasks.photometric import photometric

DESCRIPTION = "rotation +-10 degrees, shear +-10 degrees, scale x 0.85 to 1.15, shift +-1/14 of each side (2 px of 28)"
_TURN, _SHEAR, _SCALE, _SHIFT = np.radians(10.0), np.radians(10.0), 0.15, 1 / 14


def affine_and_photometric(
    images: NDArray[np.float32], targets: NDArray[np.float32], random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """`small_affine`, then `photometric`. An `Augment` for targets that are classes."""
    return photometric(small_affine(images, random), targets, random)


def small_affine(images: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """Turns, shears, scales and shifts each image (B, H, W, C) a little, about its middle.

    Interpolation is bilinear; beyond the border, the pixels of the border are repeated.
    """
    count, height, width, _ = images.shape
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    turns, shears = random.uniform(-_TURN, _TURN, count), random.uniform(-_SHEAR, _SHEAR, count)
    scales = random.uniform(1 - _SCALE, 1 + _SCALE, count)
    shifts = random.uniform(-_SHIFT, _SHIFT, (count, 2)) * (width, height)
    moved = np.empty_like(images)
    for index, image in enumerate(images):
        c, s = np.cos(turns[index]), np.sin(turns[index])
        linear = scales[index] * np.array([[c, -s], [s, c]]) @ np.array([[1, np.tan(shears[index])], [0, 1]])
        matrix = np.column_stack([linear, middle + shifts[index] - linear @ middle])
        warped = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        moved[index] = warped.reshape(image.shape)
    return moved
