"""Prepares a training: makes every choice that depends on the images of both sets and on their labels."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simgan.engines.automatic import resolve
from simgan.framing.quantiles import FramingMap
from simgan.framing.samples import comparable_samples
from simgan.images import ImageSource
from simgan.matching import photographs_to_match
from simgan.settings.config import TrainConfig, make_config
from simgan.training.batches import training_size
from simgan.training.cropping import training_sets
from simgan.training.framing_choice import choose_training_framing
from simgan.training.kept_labels import kept_labels
from simgan.training.label_keeper import Kept
from simgan.training.state import check_window


class Preparation(NamedTuple):
    """What was chosen. Nothing is trained or written yet."""

    config: TrainConfig
    """The settings, none of which is `auto`."""
    synthetic: ImageSource
    """The synthetic images, or crops of them; not framed."""
    real: ImageSource
    size: tuple[int, int]
    """(H, W) of the images in training."""
    labels: tuple[Kept, ...]
    """The labels that networks read during training."""
    framing_map: FramingMap | None
    """None: the synthetic images keep their framing."""
    photographs: Sequence[NDArray[np.uint8]]
    """Photographs (h, w, C) to which the synthetic images are matched; empty: they are not matched."""
    samples: tuple[NDArray[np.float32], NDArray[np.float32]]
    """Whole images of both sets at one size, as from `comparable_samples`; not framed."""
    notes: tuple[str, ...]
    """Sentences on what was chosen, with the options that choose otherwise."""


def prepare(config: TrainConfig, synthetic: ImageSource, real: ImageSource) -> Preparation:
    """Chooses crops, size, framing, the labels that are kept, and the settings that depend on the machine.

    Raises:
        DataError: the two sets do not fit together, are too small, or an image or label cannot be read.
        ConfigError: a setting does not fit the images or their labels.
        EngineError: Keras does not run on PyTorch.
    """
    config, x, y, crop_notes = training_sets(config, synthetic, real)
    match_notes: tuple[str, ...] = ()
    if config.crop is not None and config.match != "none":
        config = make_config({"match": "none"}, config)
        match_notes = (
            "synthetic images are not matched to photographs, since training takes crops, and a whole image would be "
            "matched otherwise than a crop of it; '--crop none --size HxW' trains on whole images.",
        )
    size = training_size(x, y, config.height_width, config.batch_size)
    samples = comparable_samples(synthetic, real, None if config.crop else size)
    config, framing_map, framing_notes = choose_training_framing(config, x, samples)
    labels, config, label_notes = kept_labels(config, x, size)
    check_window(config, size)
    config = resolve(config, size, x.channels)
    photographs = photographs_to_match(y) if config.match == "mixed" else ()
    notes = (*crop_notes, *match_notes, *framing_notes, *label_notes)
    if photographs:
        notes += (
            f"each synthetic image is matched to one of {len(photographs)} photographs before R sees it, in training "
            "and in refining, so that R begins with images as varied as these; '--match none' turns this off.",
        )
    return Preparation(config, x, y, size, labels, framing_map, photographs, samples, notes)
