"""Chooses a value for every `auto` in the settings (precision, micro-batch, compilation), and opens the engine.

The values follow from the settings, the size of the images and the facts in machine.py; nothing is timed.
"""

import keras

from simgan.engines.cost_model import images_at_once, on_tile_units, training_flops, worth_compiling
from simgan.engines.machine import gains_from_bfloat16
from simgan.engines.protocol import Engine
from simgan.errors import EngineError
from simgan.settings.config import TrainConfig, make_config


def open_engine(*, micro_batch: int, compiled: bool) -> Engine:
    """The engine of Keras's backend, on the device where Keras puts its variables: the GPU if there is one.

    Args:
        micro_batch: images that go through a network at once.
        compiled: whether networks are compiled and, on a GPU, updates recorded as CUDA graphs.

    Raises:
        EngineError: Keras runs on another backend than PyTorch.
    """
    require_torch()
    from simgan.engines.torch.engine import TorchEngine

    return TorchEngine(micro_batch, compiled=compiled)


def resolve(config: TrainConfig, size: tuple[int, int], channels: int) -> TrainConfig:
    """`config` with a value in place of every `auto`, for a training on images of `size` (H, W).

    The values are written into the run's config.toml, so that a run repeated with that file gives the same numbers on
    the same machine, and nearly the same on another.

    Raises:
        EngineError: Keras runs on another backend than PyTorch.
    """
    require_torch()
    precision = resolve_precision(config.precision)
    micro_batch, compiled = config.micro_batch, config.compile
    if micro_batch == "auto":
        micro_batch = min(config.batch_size, images_at_once(config.refiner, size, precision))
    if compiled == "auto":
        # On tile units R is one compiled function already, and D is small: there is nothing to compile.
        flops = 0 if on_tile_units(config.refiner, size, precision) else training_flops(config, size, channels)
        compiled = "on" if worth_compiling(flops) else "off"
    return make_config({"precision": precision, "micro_batch": micro_batch, "compile": compiled}, config)


def resolve_precision(precision: str) -> str:
    """`precision`; in place of `auto`, bfloat16 where the device is faster with it, else float32."""
    if precision != "auto":
        return precision
    return "bfloat16" if gains_from_bfloat16() else "float32"


def dtype_policy(precision: str) -> str:
    """The Keras dtype policy for `TrainConfig.precision`. Weights are float32 in both policies."""
    return "float32" if resolve_precision(precision) == "float32" else "mixed_bfloat16"


def require_torch() -> None:
    """Raises EngineError if Keras runs on another backend than PyTorch."""
    if keras.backend.backend() != "torch":
        raise EngineError(
            f"keras backend: expected torch, the engine that trains, received {keras.backend.backend()}; set the "
            "environment variable KERAS_BACKEND=torch, or import simgan before keras."
        )
