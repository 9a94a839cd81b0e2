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
        config = config.model_copy(update={"crop": _AUTO_CROP})
        if config.size is not None or not _suit_crops(config, (synthetic, real)):
            config = config.model_copy(update={"crop": None})
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
        if smaller := _smaller(source, size):
            notes.append(
                f"{smaller} of {len(sampled_sizes(source))} images in a sample of {source.path} are smaller than "
                f"crops of {config.crop} and are continued by their mirror image; if that is not wanted, give a "
                "smaller --crop HxW."
            )
    return TrainingSets(config, crops[0], crops[1], tuple(notes))


def _suit_crops(config: TrainConfig, sets: tuple[ImageSource, ImageSource]) -> bool:
    """Whether a set has large images, and no image of a set that is not large is smaller than a crop."""
    size, small = config.crop_height_width, [source for source in sets if not _is_large(source)]
    return size is not None and len(small) < len(sets) and not any(_smaller(source, size) for source in small)


def _smaller(source: ImageSource, size: tuple[int, int]) -> int:
    """How many of the sampled images are smaller than a crop."""
    return sum(height < size[0] or width < size[1] for height, width in sampled_sizes(source))


def _is_large(source: ImageSource) -> bool:
    return statistics.median(min(size) for size in sampled_sizes(source)) > _LARGE
