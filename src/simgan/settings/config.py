"""Every setting of a training, in one frozen object.

Each default says where it comes from: `paper` is Shrivastava et al., CVPR 2017; `reference` is the Keras description
that this package follows verbatim (55x35x1, batch 512, SGD 0.001, 1000 + 200 + 2000 steps).
"""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from simgan.errors import ConfigError, RunError
from simgan.settings.choices import Channels, Layout, OnBadImage

CONFIG_FILE = "config.toml"
"""Of a run folder."""

Positive = Annotated[int, Field(ge=1)]
NonNegative = Annotated[int, Field(ge=0)]


def _height_x_width(size: str) -> str:
    if re.fullmatch(r"[1-9]\d{0,4}x[1-9]\d{0,4}", size) is None:
        raise ValueError("expected HEIGHTxWIDTH in pixels, say 35x55")
    return size


def _steps_or_time(interval: str) -> str:
    if re.fullmatch(r"[1-9]\d{0,8}(s|min)?", interval) is None:
        raise ValueError("expected steps or a time: 500, 90s, 10min")
    return interval


Interval = Annotated[str, AfterValidator(_steps_or_time)]
Size = Annotated[str, AfterValidator(_height_x_width)]


class _Settings(BaseModel):
    # ConfigError is no ValueError: pydantic and tyro would wrap it in their own words.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, **settings: Any) -> None:
        try:
            super().__init__(**settings)
        except ValidationError as error:
            raise ConfigError(_one_line(error)) from None


class RefinerConfig(_Settings):
    """The network R."""

    filters: Positive = 64
    """Feature maps of every hidden layer (paper, 3.1)."""
    kernel_size: Literal[1, 3, 5, 7, 9] = 3
    """Side of the hidden convolutions (paper: gaze 3, hand pose 7)."""
    blocks: Positive = 4
    """Residual blocks (paper: gaze 4, hand pose 10)."""


class DiscriminatorConfig(_Settings):
    """The network D."""

    variant: Literal["gaze", "hand"] = "gaze"
    """Layers of the paper's gaze (3.1) or hand-pose (3.2) discriminator."""
    padding: Literal["same", "valid"] = "same"
    """`same`: zeros around the image (paper). `valid`: D never looks past the image, so it cannot tell the border."""
    patches: Literal["local", "global"] = "local"
    """`local`: D judges every patch (paper, 2.2). `global`: one judgement an image, to compare with."""


class OptimiserConfig(_Settings):
    """How one network is updated."""

    name: Literal["sgd", "adam"] = "sgd"
    """Stochastic gradient descent (paper) or Adam."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.001
    """Step size (paper)."""
    beta_1: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Adam's decay of the first moment (0.5: usual for adversarial training). SGD has none."""


class TrainConfig(_Settings):
    """Settings of one training: the defaults are the reference's."""

    size: Size | None = None
    """Height x width to train at, say 35x55. None: the size of the images. Refining keeps every image's own size."""
    batch_size: Annotated[int, Field(ge=2)] = 512
    """Images of each kind in one update (reference)."""
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
    """Weight of the self-regularisation loss in R's loss; see losses.py for the paper's lambda."""
    drift_budget: Annotated[float, Field(gt=0)] | None = None
    """Mean drift in pixels, at the training's size, that refining may cause (ours). The weight of self-regularisation
    is steered to stay within it, from the value above on; see budget.py. None: the weight stays as it is."""
    psi: Literal["identity", "channel_mean", "gradient", "structure"] = "identity"
    """Feature transform in the self-regularisation loss (paper, 2.1: identity); see losses.py."""
    flip: bool = False
    """Mirror half of the images of both sets left to right in training (ours): D learns less of the framing."""
    jitter: NonNegative = 0
    """D sees images through a window this many pixels smaller on each side, moved at random in every update (ours).
    A D that stands still leaves the grid of its strides, and lines along the border, in the refined images."""
    refiner_average: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Decay of the running average of R's weights that is kept as the result (ours). 0: R as it ends (paper)."""
    history_size: NonNegative = 51_200
    """Refined images that the history buffer holds (reference: 100 batches). 0: none, D sees new ones alone."""
    refiner_optimiser: OptimiserConfig = OptimiserConfig()
    """Optimiser of R."""
    discriminator_optimiser: OptimiserConfig = OptimiserConfig()
    """Optimiser of D."""
    refiner: RefinerConfig = RefinerConfig()
    """The network R."""
    discriminator: DiscriminatorConfig = DiscriminatorConfig()
    """The network D."""
    log_every: tuple[Positive, Positive, Positive] = (20, 20, 40)
    """Steps between progress lines: R's pre-training, D's pre-training, adversarial (reference)."""
    sample_every: Positive = 200
    """Adversarial steps between two sample pictures (ours)."""
    checkpoint_every: Interval = "5min"
    """Steps or time between two checkpoints (ours): 500, 90s, 10min. By time they take a fiftieth of it at most."""
    keep: Positive = 2
    """Newest checkpoints that are kept (ours), beside the best."""
    strict: bool = False
    """Stop at the first alarm about the health of the training, with exit code 3 (ours); see health.py."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Of weights, input order and buffer draws."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the convolutions. auto: bfloat16 where the processor multiplies it natively, else float32."""
    micro_batch: Literal["auto"] | Positive = "auto"
    """Images that go through the networks at once; gradients add up to the whole batch's. auto: what the cache of the
    processor holds, or the memory of the GPU."""
    compile: Literal["auto", "on", "off"] = "auto"
    """Compile R, and record updates as CUDA graphs on a GPU: faster steps after a minute or two. auto: in
    trainings that are long enough to earn that back."""

    @model_validator(mode="after")
    def _check_together(self) -> "TrainConfig":
        if 0 < self.history_size < self.batch_size // 2:
            raise ValueError(
                f"history_size: expected 0 or at least half a batch ({self.batch_size // 2}), "
                f"received {self.history_size}"
            )
        if self.drift_budget is not None and self.self_regularisation == 0:
            raise ValueError("drift_budget: expected a weight of self-regularisation above 0 to steer, received 0")
        return self

    @property
    def height_width(self) -> tuple[int, int] | None:
        """`size` as numbers."""
        if self.size is None:
            return None
        height, width = self.size.split("x")
        return int(height), int(width)

    @property
    def checkpoint_interval(self) -> tuple[int, bool]:
        """`checkpoint_every` as seconds and True, or as steps and False."""
        number, unit = re.fullmatch(r"(\d+)(\D*)", self.checkpoint_every).groups()  # type: ignore[union-attr]
        return int(number) * (60 if unit == "min" else 1), bool(unit)

    def to_toml(self) -> str:
        """The settings as TOML text that `read_settings` reads from a file."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


class SourceRecord(_Settings):
    """Where a data set was, and how it was read: what `open_images` needs to open it again."""

    path: str
    key: str | None = None
    layout: Layout | None = None
    range: tuple[float, float] | None = None
    """Stored values of black and white that the training used, given or not. Older versions recorded those given."""
    dtype: Literal["uint8", "uint16", "float16", "float32", "float64"] | None = None
    """The stored type that `range` belongs to. Older versions did not record it."""
    on_bad_image: OnBadImage = "stop"
    images: str | None = None
    """Globs that said which pictures of a folder are the images. None: all that are not labels of others."""
    channels: Channels = None
    """What every picture was converted to. None: nothing was converted."""
    follow_links: bool = True
    """Whether links in a folder were followed."""
    digest: str | None = None
    """Of some of its images: whether it is still the same set. See batches.py."""

    @property
    def folder_options(self) -> dict[str, Any]:
        """How a folder was read, as `open_images` takes it."""
        return {"images": self.images, "channels": self.channels, "follow_links": self.follow_links}

    def options_at(self, path: Path) -> dict[str, Any]:
        """As `folder_options` for the data at `path`; which files are the images is only known of the same folder."""
        same = path.resolve() == Path(self.path).resolve()
        return {**self.folder_options, "images": self.images if same else None}


class DataRecord(_Settings):
    """What a run was trained on."""

    synthetic: SourceRecord
    real: SourceRecord
    height: Positive
    width: Positive
    channels: Positive


SETTINGS_FREE_TO_CHANGE = ("checkpoint_every", "keep", "strict")
"""Settings that may be others when a training goes on: its numbers do not depend on them."""


def differences(one: TrainConfig, other: TrainConfig) -> list[str]:
    """What two trainings would do differently: 'steps: 1000, now 2000', say."""

    def flat(config: TrainConfig) -> dict[str, Any]:
        settings: dict[str, Any] = {}
        for name, value in config.model_dump(exclude=set(SETTINGS_FREE_TO_CHANGE)).items():
            settings |= {f"{name}.{k}": v for k, v in value.items()} if isinstance(value, dict) else {name: value}
        return settings

    first, second = flat(one), flat(other)
    return [f"{name}: {first[name]}, now {second[name]}" for name in first if first[name] != second[name]]


def prolongs(recorded: TrainConfig, config: TrainConfig) -> bool:
    """Whether `config` asks for more adversarial steps of the training that `recorded` describes, and changes nothing
    else: no step depends on how many come after it."""
    return config.steps > recorded.steps and not differences(
        recorded.model_copy(update={"steps": config.steps}), config
    )


def make_config(settings: dict[str, Any], base: TrainConfig | None = None) -> TrainConfig:
    """Builds a config from plain values over `base`, whose settings hold where `settings` has none.

    Raises:
        ConfigError: a setting is unknown or out of range.
    """
    merged = base.model_dump() if base else {}
    for name, value in settings.items():
        old = merged.get(name)
        merged[name] = {**old, **value} if isinstance(value, dict) and isinstance(old, dict) else value
        field = TrainConfig.model_fields.get(name)
        if isinstance(value, dict) and field is not None and isinstance(field.default, _Settings):
            try:
                merged[name] = type(field.default)(**merged[name])
            except ConfigError as error:
                raise ConfigError(f"{name}.{error}") from None
    return TrainConfig(**merged)


def read_settings(path: Path) -> tuple[dict[str, Any], DataRecord | None]:
    """What a TOML file says, be it the `config.toml` of a run: the settings, and the data if it has a table of them.

    Raises:
        ConfigError: the file is missing, is no TOML, or its table of the data is not one of a run.
    """
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8", errors="surrogateescape"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"config: expected a TOML file, received {path} ({error}).") from None
    data = settings.pop("data", None)
    if data is None:
        return settings, None
    try:
        return settings, DataRecord.model_validate(data)
    except ValidationError as error:
        raise ConfigError(f"{path}: data.{_one_line(error)}") from None


def read_run(folder: Path) -> tuple[TrainConfig, DataRecord]:
    """What a run folder was made for, be the training finished or not.

    Raises:
        RunError: it is no run folder.
    """
    if not (folder / CONFIG_FILE).is_file():
        raise RunError(
            f"run: expected a folder with {CONFIG_FILE}, received {folder}; give the --out folder of 'simgan train'."
        )
    try:
        settings, data = read_settings(folder / CONFIG_FILE)
        config = make_config(settings)
    except ConfigError as error:
        raise RunError(f"run: expected the settings of a training in {folder / CONFIG_FILE}: {error}") from None
    if data is None:
        raise RunError(f"run: expected a table 'data' in {folder / CONFIG_FILE}, received none; train anew.")
    return config, data


def _one_line(error: ValidationError) -> str:
    found = []
    for problem in error.errors(include_url=False):
        name = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        found.append(f"{name}: {message} (received {problem['input']!r})" if name else message)
    return "; ".join(found) + ". See 'simgan train --help' for every setting."
