"""R and D on the tile units of a processor with AMX: whole networks and their gradients in bfloat16, image by image.

PyTorch's layers, which keep all images of a micro-batch in memory between two layers, are several times slower there.
Sums are float32; results differ from PyTorch's by the rounding of bfloat16.
"""

from collections.abc import Callable

import keras
from torch import Tensor

from simgan.engines.torch.amx.discriminator import discriminator_on_tiles
from simgan.engines.torch.amx.library import size_fits
from simgan.engines.torch.amx.refiner import refiner_applies, refiner_on_tiles

__all__ = ["on_tiles", "refiner_applies", "size_fits"]


def on_tiles(model: keras.Model) -> Callable[[Tensor], Tensor] | None:
    """A function that computes `model` on a batch on the tile units, always with the model's present weights.

    The model itself computes the images that the tile units cannot: images that are too large or not float32 and, for
    R, images whose gradient is needed. One core computes one image. The same batch gives the same gradients to the
    bit.

    Returns:
        None if the model is not an R or D in bfloat16 whose hidden layers have multiples of 32 filters, if it is on a
        GPU, or if the machine has no tile units or no C++ compiler.
    """
    if not model.built or len(model.inputs) != 1:
        return None
    return refiner_on_tiles(model) or discriminator_on_tiles(model)
