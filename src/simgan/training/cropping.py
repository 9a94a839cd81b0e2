"""Whether a training takes crops of the images, and the sets that it then sees."""

import statistics
from typing import NamedTuple

from simgan.errors import ConfigError
from simgan.images import Crops, ImageSource
from simgan.images.groups import sampled_sizes
from simgan.settings.config import TrainConfig

_LARGE = 128  # px: images with a longer shorter side are cropped by `auto`
_AUTO_CROP = "64x64"  # R sees 19 px around a pixel and D judges patches of about 30 px: larger crops add little


class TrainingSets(NamedTuple):
    """The settings and both sets as training sees them."""

    config: TrainConfig
    synthetic: ImageSource
    real: ImageSource
    notes: tuple[str, ...]
    """What was chosen, with the way out."""


def training_sets(config: TrainConfig, synthetic: ImageSource, real: ImageSource) -> TrainingSets:
    """The sets themselves, or crops of both if `config.crop` asks for them.

    Raises:
        ConfigError: a label is to be kept of crops, which have no labels.
        DataError: the size of an image cannot be read.
    """
    is_auto = config.crop == "auto"
    if is_auto:
        is_large = config.size is None and any(map(_is_large, (synthetic, real)))
        config = config.model_copy(update={"crop": _AUTO_CROP if is_large else None})
    size = config.crop_height_width
    if size is None:
        return TrainingSets(config, synthetic, real, ())
    if config.keep_label not in ((), ("auto",)):
        raise ConfigError(
            f"keep_label: expected whole images, received crops of {config.crop}, which have no labels; leave out "
            "--keep-label, or train on whole images with --size HxW."
        )
    crops = tuple(
        Crops(source, size, seed=2 * config.seed + number) for number, source in enumerate((synthetic, real))
    )
    notes = []
    if is_auto:
        notes.append(
            f"images are large, so training takes random crops of {config.crop} at their own resolution (--crop). "
            "Content must have the same size in pixels in both sets. '--size HxW' shrinks whole images instead."
        )
    for source, one in zip((synthetic, real), crops, strict=True):
        if len(one.images) < len(source):
            notes.append(f"crops come from {len(one.images)} of the {len(source)} images in {source.path}.")
    return TrainingSets(config, crops[0], crops[1], tuple(notes))


def _is_large(source: ImageSource) -> bool:
    return statistics.median(min(size) for size in sampled_sizes(source)) > _LARGE
