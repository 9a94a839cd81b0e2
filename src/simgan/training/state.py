"""The state of a training, and how it is initialised."""

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
from simgan.training.budget import Budget, FixedWeight, Weight
from simgan.training.history import HistoryBuffer
from simgan.training.label_keeper import LabelKeeper
from simgan.training.meters import Meters


@dataclass
class TrainState:
    """Everything that training changes; a checkpoint holds all of it (checkpoint.py)."""

    refiner: keras.Model
    averaged_refiner: keras.Model
    """The refiner that is saved: equal to R in R's pre-training, then the running average of R."""
    discriminator: keras.Model
    refiner_optimiser: keras.optimizers.Optimizer
    discriminator_optimiser: keras.optimizers.Optimizer
    history: HistoryBuffer
    random: np.random.Generator
    """Draws the position of D's window (`TrainConfig.jitter`)."""
    weight: Weight
    """The weight of self-regularisation, lambda in the paper."""
    labels: LabelKeeper
    """The labels that R must keep, and the networks that read them."""
    position: Position
    meters: Meters


def new_state(
    engine: Engine,
    config: TrainConfig,
    size: tuple[int, int],
    channels: int,
    measure_drift: Callable[[keras.Model], float] = lambda refiner: 0.0,
    keep_labels: Callable[[keras.Model], LabelKeeper] = lambda refiner: LabelKeeper(),
) -> TrainState:
    """The state before the first step; everything random in it follows from `config.seed`.

    Args:
        engine: creates the arrays of the history.
        config: the settings.
        size: (H, W) of the images.
        channels: C of the images.
        measure_drift: measures how far a refiner moves content, px. A drift budget measures the averaged refiner,
            since that is the one that is saved.
        keep_labels: makes what holds R to labels, given the averaged refiner.
    """
    keras.utils.set_random_seed(config.seed)
    dtype = dtype_policy(config.precision)
    refiner, averaged = (
        refiner_model(
            None, None, channels, for_training=True, data_format="channels_first", dtype=dtype, **dict(config.refiner)
        )
        for _ in range(2)
    )
    averaged.set_weights(refiner.get_weights())
    check_window(config, size)
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
        weight = Budget(config.drift_budget, config.self_regularisation, lambda: measure_drift(averaged))
    return TrainState(
        refiner,
        averaged,
        discriminator,
        _optimiser(config.refiner_optimiser, refiner),
        _optimiser(config.discriminator_optimiser, discriminator),
        history,
        np.random.default_rng(2 * config.seed + 1),
        weight,
        keep_labels(averaged),
        Position(),
        Meters(),
    )


def check_window(config: TrainConfig, size: tuple[int, int]) -> None:
    """Checks that D's window, which is `jitter` px smaller than the images on each side, holds a patch.

    Raises:
        ConfigError: it holds none.
    """
    window = [side - 2 * config.jitter for side in size]
    smallest = smallest_side(config.discriminator.variant, config.discriminator.padding)
    if min(window) >= smallest:
        return
    least = smallest + 2 * config.jitter
    setting, images = ("size", "images") if config.crop is None else ("crop", "crops")
    height, width = (round(side * max(1.0, least / min(size))) for side in size)
    same_padding_helps = min(window) > 0 and config.discriminator.padding == "valid"
    raise ConfigError(
        f"{setting}: expected {images} of at least {least}x{least} (HxW), received {size[0]}x{size[1]}: jitter "
        f"{config.jitter} leaves D {max(0, window[0])}x{max(0, window[1])} of each image, and its layers need "
        f"{smallest}x{smallest} under padding '{config.discriminator.padding}'; enlarge them with --{setting} "
        f"{height}x{width}"
        + (", or choose --discriminator.padding same." if same_padding_helps else ", or choose --jitter 0.")
    )


def _optimiser(config: OptimiserConfig, model: keras.Model) -> keras.optimizers.Optimizer:
    if config.name == "adam":
        optimiser = keras.optimizers.Adam(config.learning_rate, beta_1=config.beta_1)
    else:
        optimiser = keras.optimizers.SGD(config.learning_rate)
    optimiser.build(model.trainable_variables)
    return optimiser
