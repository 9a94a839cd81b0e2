"""All that a training changes, and how it begins."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from simgan.engines.automatic import dtype_policy
from simgan.engines.protocol import Engine
from simgan.errors import ConfigError
from simgan.models import discriminator_model, refiner_model
from simgan.models.discriminator import smallest_side
from simgan.runs.position import Position
from simgan.settings.config import OptimiserConfig, TrainConfig
from simgan.training.budget import DriftBudget, FixedWeight, Weight
from simgan.training.history import HistoryBuffer
from simgan.training.meters import Meters


@dataclass
class TrainState:
    """Everything that training changes: what a checkpoint holds (checkpoint.py)."""

    refiner: keras.Model
    averaged_refiner: keras.Model
    """The result of training: R itself in its pre-training, then the running average of R."""
    discriminator: keras.Model
    refiner_optimiser: keras.optimizers.Optimizer
    discriminator_optimiser: keras.optimizers.Optimizer
    history: HistoryBuffer
    random: np.random.Generator
    """Of the places of D's window."""
    weight: Weight
    """Of self-regularisation."""
    position: Position
    meters: Meters


def new_state(
    engine: Engine,
    config: TrainConfig,
    size: tuple[int, int],
    channels: int,
    drift_of: Callable[[keras.Model], float] = lambda refiner: 0.0,
) -> TrainState:
    """The state before the first step, for images of `size` (H, W); weights follow `config.seed`.

    Args:
        engine: holds the arrays.
        config: the settings.
        size: (H, W).
        channels: C.
        drift_of: measures how far a refiner moves content, px. A drift budget asks it of the averaged refiner, for
            that is the one that is saved.
    """
    keras.utils.set_random_seed(config.seed)
    dtype = dtype_policy(config.precision)
    refiner, averaged = (
        refiner_model(None, None, channels, data_format="channels_first", dtype=dtype, **dict(config.refiner))
        for _ in range(2)
    )
    averaged.set_weights(refiner.get_weights())
    _check_window(config, size)
    height, width = (side - 2 * config.jitter for side in size)
    discriminator = discriminator_model(
        width, height, channels, data_format="channels_first", dtype=dtype, **dict(config.discriminator)
    )
    history = HistoryBuffer(
        config.history_size,
        (*size, channels),
        seed=2 * config.seed,
        zeros=engine.zeros,
        to_device=engine.to_device,
    )
    weight: Weight = FixedWeight(config.self_regularisation)
    if config.drift_budget is not None:
        weight = DriftBudget(config.drift_budget, config.self_regularisation, lambda: drift_of(averaged))
    return TrainState(
        refiner,
        averaged,
        discriminator,
        _optimiser(config.refiner_optimiser, refiner),
        _optimiser(config.discriminator_optimiser, discriminator),
        history,
        np.random.default_rng(2 * config.seed + 1),
        weight,
        Position(),
        Meters(),
    )


def _check_window(config: TrainConfig, size: tuple[int, int]) -> None:
    """Looks whether D finds a patch in what jitter leaves of the images.

    Raises:
        ConfigError: it does not.
    """
    seen = [side - 2 * config.jitter for side in size]
    smallest = smallest_side(config.discriminator.variant, config.discriminator.padding)
    if min(seen) >= smallest:
        return
    enough = smallest + 2 * config.jitter
    height, width = (round(side * max(1.0, enough / min(size))) for side in size)
    other = min(seen) > 0 and config.discriminator.padding == "valid"
    raise ConfigError(
        f"size: expected images of at least {enough}x{enough} (HxW), received {size[0]}x{size[1]}: jitter "
        f"{config.jitter} leaves {max(0, seen[0])}x{max(0, seen[1])} of them to D, whose layers need "
        f"{smallest}x{smallest} under padding '{config.discriminator.padding}'; enlarge them with --size "
        f"{height}x{width}"
        + (", or choose --discriminator.padding same." if other else ", or choose less jitter: --jitter 0.")
    )


def _optimiser(config: OptimiserConfig, model: keras.Model) -> keras.optimizers.Optimizer:
    if config.name == "adam":
        optimiser = keras.optimizers.Adam(config.learning_rate, beta_1=config.beta_1)
    else:
        optimiser = keras.optimizers.SGD(config.learning_rate)
    optimiser.build(model.trainable_variables)
    return optimiser
