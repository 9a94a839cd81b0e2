"""R and D on the tile units of a processor with AMX: whole networks and their gradients in bfloat16, image by image.

Several times as fast as PyTorch's layers there, between which all images of a micro-batch lie in memory. Sums are
float32; results differ from PyTorch's by the rounding of bfloat16.
"""

from collections.abc import Callable

import keras
from torch import Tensor

from simgan.engines.torch.amx.discriminator import discriminator_on_tiles
from simgan.engines.torch.amx.library import size_fits
from simgan.engines.torch.amx.refiner import refiner_applies, refiner_on_tiles

__all__ = ["on_tiles", "refiner_applies", "size_fits"]


def on_tiles(model: keras.Model) -> Callable[[Tensor], Tensor] | None:
    """`model` as a function of a batch, computed on the tile units; it follows the weights of the model.

    Images that do not fit (too large, of another type, R's if they want a gradient) go through the model itself. One
    image is computed on one core. The same batch gives the same gradients to the bit.

    None where the model is neither R nor D in bfloat16 with hidden layers of multiples of 32 filters, or lies on a
    GPU, or the machine has no such units or no C++ compiler.
    """
    if not model.built or len(model.inputs) != 1:
        return None
    return refiner_on_tiles(model) or discriminator_on_tiles(model)
