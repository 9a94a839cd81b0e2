"""A set of pictures with alpha keeps its framing: alpha is copied, and would stay where it is while content moves."""

from simgan.errors import ConfigError
from simgan.images import ImageSource
from simgan.images.alpha import image_with_alpha
from simgan.settings.config import TrainConfig
from simgan.training.framing_choice import FramingChoice


def keep_framing_of_alpha(given: TrainConfig, choice: FramingChoice, synthetic: ImageSource) -> FramingChoice:
    """The choice itself, or the framing kept with a note if the framing would be matched but pictures have alpha.

    Args:
        given: the settings before the choice.
        choice: what `choose_training_framing` returned for them.
        synthetic: the synthetic images.

    Raises:
        ConfigError: pictures have alpha although `given.framing` is `match`.
    """
    name = image_with_alpha(synthetic) if choice.map is not None else None
    if name is None:
        return choice
    if given.framing == "match":
        raise ConfigError(
            "framing: expected pictures without alpha, which would stay where it is while content moves, received "
            f"{name!r} of {synthetic.path}; store the pictures without alpha, or train with --framing keep."
        )
    note = (
        f"content is framed differently in the photographs, but {name!r} of {synthetic.path} has an alpha channel, "
        "which would stay where it is while content moves. So training keeps the framing; it matches the framing of "
        "pictures without alpha."
    )
    return FramingChoice(choice.config.model_copy(update={"framing": "keep"}), None, (note,))
