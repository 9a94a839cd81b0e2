"""Measures how far a refiner moves content, which a drift budget limits."""

import keras
import numpy as np
from numpy.typing import NDArray

from simgan.engines.protocol import Engine
from simgan.framing.displacement import displacement


def mean_displacement(engine: Engine, refiner: keras.Model, synthetic: NDArray[np.float32]) -> float:
    """Mean displacement of content, in px, between synthetic images (N, H, W, C) in [-1, 1] and their versions
    refined by `refiner`."""
    network = engine.network(refiner, small=True)  # a few images now and then: compiling would not pay
    refined = engine.infer(network, engine.to_device(synthetic))
    return float(displacement(synthetic, engine.to_numpy(refined)).mean())
