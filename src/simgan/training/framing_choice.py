"""Whether a training gives the synthetic images the framing of the photographs before R sees them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simgan.errors import ConfigError
from simgan.framing.quantiles import FramingMap, fit_map
from simgan.images import ImageSource
from simgan.matching.true_labels import class_labels, labels_other_than_classes
from simgan.settings.config import TrainConfig


class FramingChoice(NamedTuple):
    """The settings, in which `framing` is no longer `auto`, and what training does with the synthetic images."""

    config: TrainConfig
    map: FramingMap | None
    """None: the synthetic images keep their framing."""
    notes: tuple[str, ...]
    """What was chosen, with the way out."""


def choose_training_framing(
    config: TrainConfig, synthetic: ImageSource, samples: tuple[NDArray[np.float32], NDArray[np.float32]]
) -> FramingChoice:
    """Decides by `config.framing`, by the labels, and by how much the framing differs.

    `auto` matches the framing if the synthetic images have labels, all of these are classes, and the sets differ by
    quantiles. `match` does so too if there are no labels, and otherwise says why not.

    Args:
        config: the settings; whether training takes crops is already decided.
        synthetic: the synthetic images, with their labels.
        samples: of synthetic images and photographs, as from `comparable_samples`.

    Raises:
        ConfigError: the framing cannot be matched although `config.framing` is `match`.
    """
    if config.framing == "keep":
        return FramingChoice(config, None, ())
    must, found = config.framing == "match", None
    obstacle = _obstacle(config, synthetic, may_lack_labels=must)
    if not obstacle:
        fit = fit_map(*samples)
        found, obstacle = fit.map, fit.obstacle or "sets whose content has the same place, size and slant"
    if found is None:
        if must:
            raise ConfigError(
                "framing: expected classes as the only labels, whole images, and content on plain backgrounds that is "
                f"framed differently in the photographs, received {obstacle}; train with --framing keep."
            )
        notes = _reasons(synthetic, samples, obstacle) if config.crop is None else ()
        return FramingChoice(config.model_copy(update={"framing": "keep"}), None, notes)
    note = (
        "content is framed differently in the photographs, so each synthetic image gets their framing before R sees "
        f"it, in training and in refining: {found.describe()}. Labels taken for classes, which stay true: "
        f"{', '.join(synthetic.label_names) or 'none'}. '--framing keep' leaves the images as they are."
    )
    return FramingChoice(config.model_copy(update={"framing": "match"}), found, (note,))


def _reasons(
    synthetic: ImageSource, samples: tuple[NDArray[np.float32], NDArray[np.float32]], obstacle: str
) -> tuple[str, ...]:
    """Why `auto` keeps a framing that differs, if the set has classes; otherwise nothing was to be expected."""
    if not class_labels(synthetic) or fit_map(*samples).map is None:
        return ()
    return (f"content is framed differently in the photographs, but images keep their framing because of {obstacle}.",)


def _obstacle(config: TrainConfig, synthetic: ImageSource, *, may_lack_labels: bool) -> str:
    """Why labels or crops forbid to match the framing, in words; empty if they do not."""
    if config.crop is not None:
        return f"crops of {config.crop}"
    if other := labels_other_than_classes(synthetic):
        return f"{', '.join(other)} in {synthetic.path}, which may be positions or directions that would become wrong"
    return "" if synthetic.label_names or may_lack_labels else "no labels"
