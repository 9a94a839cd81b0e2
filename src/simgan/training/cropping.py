"""Whether a training takes crops of the images, and the sets that it then sees."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from simgan.errors import ConfigError
from simgan.images import Crops, ImageSource
from simgan.images.groups import Size, sampled_sizes
from simgan.settings.config import TrainConfig

_LARGE = 128  # px: images with a longer shorter side are cropped by `auto`
_AUTO_CROP = (64, 64)  # R sees 19 px around a pixel and D judges patches of about 30 px: larger crops add little


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
    sets, is_auto = (synthetic, real), config.crop == "auto"
    if is_auto and config.size is not None:
        config = config.model_copy(update={"crop": None})
    sizes = [sampled_sizes(source) for source in sets] if config.crop else []
    if is_auto and config.crop:
        crop = "{}x{}".format(*_AUTO_CROP) if _suit_crops(sizes) else None
        config = config.model_copy(update={"crop": crop})
    size = config.crop_height_width
    if size is None:
        return TrainingSets(config, synthetic, real, ())
    if config.keep_label not in ((), ("auto",)):
        raise ConfigError(
            f"keep_label: expected whole images, received crops of {config.crop}, which have no labels; leave out "
            "--keep-label, or train on whole images with --size HxW."
        )
    crops = tuple(Crops(source, size, seed=2 * config.seed + number) for number, source in enumerate(sets))
    notes = []
    if is_auto:
        notes.append(
            f"images are large, so training takes random crops of {config.crop} at their own resolution (--crop). "
            "Content must have the same size in pixels in both sets. '--size HxW' shrinks whole images instead."
        )
    for source, one, of_source in zip(sets, crops, sizes, strict=True):
        if len(one.images) < len(source):
            notes.append(f"crops come from {len(one.images)} of the {len(source)} images in {source.path}.")
        if smaller := _smaller(of_source, size):
            notes.append(
                f"{smaller} of {len(of_source)} images in a sample of {source.path} are smaller than "
                f"crops of {config.crop} and are continued by their mirror image; if that is not wanted, give a "
                "smaller --crop HxW."
            )
    return TrainingSets(config, crops[0], crops[1], tuple(notes))


def _suit_crops(sizes: Sequence[Sequence[Size]]) -> bool:
    """Whether a set has large images, and no image of a set that is not large is smaller than a crop of `auto`."""
    small = [of_set for of_set in sizes if statistics.median(map(min, of_set)) <= _LARGE]
    return len(small) < len(sizes) and not any(_smaller(of_set, _AUTO_CROP) for of_set in small)


def _smaller(sizes: Sequence[Size], crop: Size) -> int:
    """How many of the sampled images are smaller than a crop."""
    return sum(height < crop[0] or width < crop[1] for height, width in sizes)
