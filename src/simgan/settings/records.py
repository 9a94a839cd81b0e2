"""What a run records of its data, and how config.toml is read."""

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from simgan.errors import ConfigError, RunError
from simgan.settings.choices import Channels, Layout, OnBadImage
from simgan.settings.config import Positive, Settings, TrainConfig, make_config, validation_line

CONFIG_FILE = "config.toml"
"""Name of the settings file in a run folder."""


class SourceRecord(Settings):
    """The path of a data set and the options with which training read it, so that `open_images` can repeat that."""

    path: str
    key: str | None = None
    layout: Layout | None = None
    range: tuple[float, float] | None = None
    """Stored values of black and white in training. Older versions recorded them only if the user gave them."""
    dtype: Literal["uint8", "uint16", "float16", "float32", "float64"] | None = None
    """The stored type of the images that `range` belongs to. Older versions did not record it."""
    on_bad_image: OnBadImage = "stop"
    images: str | None = None
    """Globs that select the images of a folder. None: all pictures except masks and other labels."""
    channels: Channels = None
    """Channels that every picture was converted to. None: pictures were not converted."""
    follow_links: bool = True
    """Whether links in a folder were followed."""
    digest: str | None = None
    """Digest of some of the images, which tells whether the data set has changed since. See batches.py."""


class DataRecord(Settings):
    """The two data sets that a run was trained on, and the size and channels at which it was trained."""

    synthetic: SourceRecord
    real: SourceRecord
    height: Positive
    width: Positive
    channels: Positive


def read_settings(path: Path) -> tuple[dict[str, Any], DataRecord | None]:
    """Reads a TOML file of settings, such as the `config.toml` of a run.

    Returns:
        The settings, and the table `data` if the file has one.

    Raises:
        ConfigError: the file is missing or is not TOML, or its table `data` is not one that a run wrote.
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
        raise ConfigError(f"{path}: data.{validation_line(error)}") from None


def read_run(folder: Path) -> tuple[TrainConfig, DataRecord]:
    """The settings and data sets of the training in a run folder, finished or not.

    Raises:
        RunError: `folder` is not a run folder.
    """
    if not (folder / CONFIG_FILE).is_file():
        raise RunError(
            f"run: expected a folder with {CONFIG_FILE}, received {folder}; give the --out folder of a 'simgan train'."
        )
    try:
        settings, data = read_settings(folder / CONFIG_FILE)
        config = make_config(settings)
    except ConfigError as error:
        raise RunError(f"run: expected the settings of a training in {folder / CONFIG_FILE}: {error}") from None
    if data is None:
        raise RunError(f"run: expected a table 'data' in {folder / CONFIG_FILE}, received no such table; train again.")
    return config, data
