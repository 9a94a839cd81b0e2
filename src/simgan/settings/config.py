"""Every setting of a training, in one frozen object.

The docstring of each setting names the source of its default: `paper` is Shrivastava et al., CVPR 2017; `reference`
is the Keras description that this package follows verbatim (55x35x1, batch 512, SGD 0.001, 1000 + 200 + 2000 steps);
`ours` is in neither.
"""

import re
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from simgan.errors import ConfigError
from simgan.settings.label_budget import parse_label_budget

Positive = Annotated[int, Field(ge=1)]
NonNegative = Annotated[int, Field(ge=0)]


def _height_x_width(size: str) -> str:
    if re.fullmatch(r"[1-9]\d{0,4}x[1-9]\d{0,4}", size) is None:
        raise ValueError("expected HEIGHTxWIDTH in pixels, such as 35x55")
    return size


def _two_numbers(size: str | None) -> tuple[int, int] | None:
    if size is None:
        return None
    height, width = size.split("x")
    return int(height), int(width)


def _crop(crop: str) -> str | None:
    if crop in ("auto", "none"):
        return None if crop == "none" else crop
    if re.fullmatch(r"[1-9]\d{0,3}x[1-9]\d{0,3}", crop) is None:
        raise ValueError("expected HEIGHTxWIDTH in pixels of at most 9999, such as 64x64, or auto, or none")
    return crop


def _steps_or_time(interval: str) -> str:
    if re.fullmatch(r"[1-9]\d{0,8}(s|min)?", interval) is None:
        raise ValueError("expected a number of steps or a time, such as 500, 90s or 10min")
    return interval


def _label_budgets(labels: tuple[str, ...]) -> tuple[str, ...]:
    if labels == ("none",):
        return ()
    if labels == ("auto",):
        return labels
    budgets = [parse_label_budget(label) for label in labels]
    if len({budget.name for budget in budgets}) < len(budgets):
        raise ValueError("expected each label once")
    return tuple(map(str, budgets))


Interval = Annotated[str, AfterValidator(_steps_or_time)]
Size = Annotated[str, AfterValidator(_height_x_width)]
Crop = Annotated[str, AfterValidator(_crop)]
LabelBudgets = Annotated[tuple[str, ...], AfterValidator(_label_budgets)]


class Settings(BaseModel):
    """Settings that cannot change; a wrong one is a ConfigError in one line."""

    # ConfigError is not a ValueError, because pydantic and tyro would put the text of a ValueError into their own.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, **settings: Any) -> None:
        try:
            super().__init__(**settings)
        except ValidationError as error:
            raise ConfigError(validation_line(error)) from None


class RefinerConfig(Settings):
    """The network R."""

    filters: Positive = 64
    """Feature maps of every hidden layer (paper, 3.1)."""
    kernel_size: Literal[1, 3, 5, 7, 9] = 3
    """Kernel side of the hidden convolutions, in pixels (paper: gaze 3, hand pose 7)."""
    blocks: Positive = 4
    """Residual blocks (paper: gaze 4, hand pose 10)."""
    output: Literal["tanh", "residual"] = "tanh"
    """`tanh`: the last layer of R gives the refined image (paper). `residual`: it gives the change of each pixel,
    which is added to the image and clipped (ours). R then begins as the identity and needs no pre-training; and where
    refined images would become white or black all over with `tanh`, training recovers."""


class DiscriminatorConfig(Settings):
    """The network D."""

    variant: Literal["gaze", "hand"] = "gaze"
    """Layers of the paper's gaze (3.1) or hand-pose (3.2) discriminator."""
    padding: Literal["same", "valid"] = "same"
    """`same`: convolutions pad the image with zeros (paper). `valid`: no padding, D cannot tell where borders are."""
    patches: Literal["local", "global"] = "local"
    """`local`: D classifies every patch (paper, 2.2). `global`: D classifies whole images, for comparison."""


class OptimiserConfig(Settings):
    """The optimiser of one network."""

    name: Literal["sgd", "adam"] = "sgd"
    """Stochastic gradient descent (paper) or Adam."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.001
    """Step size (paper)."""
    beta_1: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Decay of Adam's first moment (0.5: usual for adversarial training). SGD does not use it."""


class TrainConfig(Settings):
    """Settings of one training. The defaults are those of the reference."""

    size: Size | None = None
    """HEIGHTxWIDTH in pixels that training resizes images to, such as 35x55. None: images keep their size and must all
    have the same. Refining never resizes."""
    crop: Crop | None = None
    """HEIGHTxWIDTH in pixels of random crops on which R and D are trained, at the images' own resolution and from
    images of any sizes (ours). auto: 64x64 if the shorter side of the images of a set is above 128 px and no size is
    given, else none. None: whole images."""
    batch_size: Annotated[int, Field(ge=2)] = 512
    """Synthetic images, and as many real ones, in one update (reference)."""
    refiner_pretrain_steps: NonNegative = 1000
    """Updates of R on self-regularisation alone (reference; paper 3.1)."""
    discriminator_pretrain_steps: NonNegative = 200
    """Updates of D before the adversarial phase (reference; paper 3.1)."""
    steps: NonNegative = 2000
    """Steps of Algorithm 1: the T of the paper (reference)."""
    refiner_updates: Positive = 2
    """k_g: updates of R in a step (reference)."""
    discriminator_updates: Positive = 1
    """k_d: updates of D in a step (reference)."""
    self_regularisation: Annotated[float, Field(ge=0)] = 1.0
    """Weight of the self-regularisation loss in R's loss; losses.py relates it to the paper's lambda."""
    drift_budget: Annotated[float, Field(gt=0)] | None = None
    """Largest mean drift that refining may cause, in pixels at the size of training (ours). Training starts with the
    weight self_regularisation and adjusts it so that drift stays below this budget; see budget.py. None: the weight is
    constant."""
    keep_label: LabelBudgets = ()
    """Labels of the synthetic images that refining must keep, and how much of each may be lost (ours): class:1% (share
    of images whose class changes), gaze:1deg, iris_centre:0.25px (points; for masks and boxes the displacement of
    content), or speed:0.1 in units of the label. A network that learns each label from synthetic images during the
    training reads it in refined images, and R is held to it if more than the budget is lost; see label_keeper.py.
    auto: if all labels are classes, class:5%; else none. none: no label. What keeps a label takes the place of the
    default drift budget; if only classes are kept, the weight self_regularisation becomes 1. Images are mirrored only
    if all labels kept are directions."""
    psi: Literal["identity", "channel_mean", "gradient", "structure"] = "identity"
    """Feature transform in the self-regularisation loss (paper, 2.1: identity); see losses.py."""
    framing: Literal["auto", "keep", "match"] = "keep"
    """Whether each synthetic image gets the framing of the photographs before R sees it, in training and in refining:
    place, size and slant of its content, by quantiles (ours). match: yes, or an error if that cannot be done. auto: as
    match if all labels are classes, which framing leaves true, both sets have plain backgrounds and their framing
    differs; else keep."""
    match: Literal["none", "mixed"] = "none"
    """Whether each synthetic image is matched to a random photograph before R sees it, in training and in refining
    (ours). mixed: by a random one of histogram, colour, fda, pca and no matching; see `simgan match`. R then begins
    with images as varied as the photographs. none: R sees the images as they are (paper)."""
    flip: bool = False
    """Mirror a random half of the images of both sets left to right in training (ours), so that D learns less about
    how images are framed."""
    jitter: NonNegative = 0
    """Pixels of random jitter (ours): in every update D gets a randomly placed crop that is smaller than the image by
    this many pixels on each side. Without it, the grid of D's strides and lines along the border show in refined
    images."""
    refiner_average: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Decay of the running average of R's weights (ours). The averaged R is the result. 0: no average, the result is R
    after the last step (paper)."""
    history_size: NonNegative = 51_200
    """Refined images in the history buffer (reference: 100 batches). 0: no buffer, D gets only new refined images."""
    refiner_optimiser: OptimiserConfig = OptimiserConfig()
    """Optimiser of R."""
    discriminator_optimiser: OptimiserConfig = OptimiserConfig()
    """Optimiser of D."""
    refiner: RefinerConfig = RefinerConfig()
    """The network R."""
    discriminator: DiscriminatorConfig = DiscriminatorConfig()
    """The network D."""
    log_every: tuple[Positive, Positive, Positive] = (20, 20, 40)
    """Steps between progress lines in R's pre-training, D's pre-training, the adversarial phase (reference)."""
    sample_every: Positive = 200
    """Adversarial steps between two sample pictures (ours)."""
    snapshot_every: NonNegative = 0
    """Adversarial steps between two snapshots of R (ours). `simgan refine` refines each image by a random one of the
    snapshots after the first two fifths of the adversarial phase, since R changes its style during training and gives
    all images one style at any time. 0: no snapshots (paper)."""
    checkpoint_every: Interval = "5min"
    """Steps or time between two checkpoints (ours), such as 500, 90s or 10min. With a time, checkpoints are written
    less often if writing them would take over a fiftieth of the time."""
    keep: Positive = 2
    """How many of the newest checkpoints are kept (ours). The best checkpoint is kept as well."""
    strict: bool = False
    """Stop at the first alarm about the health of the training, with exit code 3 (ours); see health.py."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of initial weights, order of the images and draws from the history buffer."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the convolutions. auto: bfloat16 on GPUs and processors that are faster with it, else
    float32."""
    micro_batch: Literal["auto"] | Positive = "auto"
    """Images that go through the networks at once; the gradients of all micro-batches add up to that of the batch.
    auto: as many as fit into the processor's cache or the GPU's memory."""
    compile: Literal["auto", "on", "off"] = "auto"
    """Compile R, and on a GPU record updates as CUDA graphs. That takes a minute or two; every step after it is
    faster. auto: on, if the training is long enough to gain time overall."""

    @model_validator(mode="after")
    def _check_together(self) -> "TrainConfig":
        if 0 < self.history_size < self.batch_size // 2:
            raise ValueError(
                f"history_size: expected 0 or at least half a batch ({self.batch_size // 2}), "
                f"received {self.history_size}"
            )
        if self.size is not None and self.crop not in (None, "auto"):
            raise ValueError(f"crop: expected no size together with crops, received size {self.size}")
        if self.drift_budget is not None and self.self_regularisation == 0:
            raise ValueError(
                "drift_budget: expected self_regularisation above 0, a weight that the budget adjusts, received 0"
            )
        return self

    @property
    def height_width(self) -> tuple[int, int] | None:
        """`size` as (height, width)."""
        return _two_numbers(self.size)

    @property
    def crop_height_width(self) -> tuple[int, int] | None:
        """`crop` as (height, width); None if training takes whole images, or before `auto` is resolved."""
        return None if self.crop == "auto" else _two_numbers(self.crop)

    @property
    def checkpoint_interval(self) -> tuple[int, bool]:
        """`checkpoint_every` as (seconds, True) if it is a time, or as (steps, False)."""
        number, unit = re.fullmatch(r"(\d+)(\D*)", self.checkpoint_every).groups()  # type: ignore[union-attr]
        return int(number) * (60 if unit == "min" else 1), bool(unit)

    def to_toml(self) -> str:
        """The settings as TOML text, in the form that `read_settings` reads."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


SETTINGS_FREE_TO_CHANGE = ("checkpoint_every", "keep", "strict")
"""Settings that --resume may change, because no number of the training depends on them."""


def differences(one: TrainConfig, other: TrainConfig) -> list[str]:
    """The settings in which two trainings differ, in words such as 'steps: 1000, now 2000'.

    SETTINGS_FREE_TO_CHANGE are not compared.
    """

    def flat(config: TrainConfig) -> dict[str, Any]:
        settings: dict[str, Any] = {}
        for name, value in config.model_dump(exclude=set(SETTINGS_FREE_TO_CHANGE)).items():
            settings |= {f"{name}.{k}": v for k, v in value.items()} if isinstance(value, dict) else {name: value}
        return settings

    first, second = flat(one), flat(other)
    return [f"{name}: {first[name]}, now {second[name]}" for name in first if first[name] != second[name]]


def prolongs(recorded: TrainConfig, config: TrainConfig) -> bool:
    """Whether `config` only adds adversarial steps to the training that `recorded` describes.

    Such a training can be prolonged, because no step depends on the number of steps after it.
    """
    return config.steps > recorded.steps and not differences(
        recorded.model_copy(update={"steps": config.steps}), config
    )


def make_config(settings: dict[str, Any], base: TrainConfig | None = None) -> TrainConfig:
    """Builds a config from the plain values in `settings`; settings that are missing there come from `base`.

    Raises:
        ConfigError: a setting is unknown or out of range.
    """
    merged = base.model_dump() if base else {}
    for name, value in settings.items():
        old = merged.get(name)
        merged[name] = {**old, **value} if isinstance(value, dict) and isinstance(old, dict) else value
        field = TrainConfig.model_fields.get(name)
        if isinstance(value, dict) and field is not None and isinstance(field.default, Settings):
            try:
                merged[name] = type(field.default)(**merged[name])
            except ConfigError as error:
                raise ConfigError(f"{name}.{error}") from None
    return TrainConfig(**merged)


def validation_line(error: ValidationError) -> str:
    """All problems that pydantic found, on one line."""
    found = []
    for problem in error.errors(include_url=False):
        name = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        found.append(f"{name}: {message} (received {problem['input']!r})" if name else message)
    return "; ".join(found) + ". 'simgan train --help' lists every setting."
