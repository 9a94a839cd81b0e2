"""Whether a training gives the synthetic images the framing of the photographs before R sees them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simgan.errors import ConfigError
from simgan.framing.quantiles import Fit, FramingMap, fit_map
from simgan.images import ImageSource
from simgan.images.alpha import image_with_alpha
from simgan.matching.true_labels import LabelKinds, kinds_of_labels
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
    must, labels = config.framing == "match", kinds_of_labels(synthetic)
    obstacle = _obstacle(config, synthetic, labels, may_lack_labels=must)
    # With an obstacle, the fit only tells whether there is something to say: classes that could have been framed.
    says_why = not must and config.crop is None and bool(labels.classes)
    fit = fit_map(*samples) if says_why or not obstacle else Fit(None, "")
    obstacle = obstacle or fit.obstacle or _obstacle_to(fit.map, synthetic)
    if fit.map is None or obstacle:
        if must:
            raise ConfigError(
                "framing: expected classes as the only labels, whole images without alpha, and content on plain "
                f"backgrounds that is framed differently in the photographs, received {obstacle}; train with "
                "--framing keep."
            )
        why = f"content is framed differently in the photographs, but images keep their framing because of {obstacle}."
        return FramingChoice(config.model_copy(update={"framing": "keep"}), None, (why,) if fit.map else ())
    note = (
        "content is framed differently in the photographs, so each synthetic image gets their framing before R sees "
        f"it, in training and in refining: {fit.map.describe()}. Labels taken for classes, which stay true: "
        f"{', '.join(synthetic.label_names) or 'none'}. '--framing keep' leaves the images as they are."
    )
    return FramingChoice(config.model_copy(update={"framing": "match"}), fit.map, (note,))


def _obstacle(config: TrainConfig, synthetic: ImageSource, labels: LabelKinds, *, may_lack_labels: bool) -> str:
    """Why labels or crops forbid to match the framing, in words; empty if they do not."""
    if config.crop is not None:
        return f"crops of {config.crop}"
    if labels.others:
        listed = ", ".join(labels.others)
        return f"{listed} in {synthetic.path}, which may be positions or directions that would become wrong"
    return "" if synthetic.label_names or may_lack_labels else "no labels"


def _obstacle_to(framing: FramingMap | None, synthetic: ImageSource) -> str:
    """Why the framing is not matched although labels allow it, in words; empty if nothing forbids it."""
    if framing is None:
        return "sets whose content has the same place, size and slant"
    if name := image_with_alpha(synthetic):  # asked last, since the headers of all images are read
        return (
            f"{name!r} of {synthetic.path} with its alpha channel, which would stay where it is while content moves "
            "(pictures without alpha are framed)"
        )
    return ""
