"""Defaults of `simgan train` from --preset, --config and --resume, so that --help shows the values in use."""

import argparse
from pathlib import Path

from tyro import MISSING

from simgan.command_line.train import Train, reading_arguments
from simgan.settings.config import SETTINGS_FREE_TO_CHANGE, TrainConfig, make_config
from simgan.settings.presets import PRESETS, PresetName
from simgan.settings.records import SourceRecord, read_run, read_settings


def train_defaults(arguments: list[str]) -> Train:
    """The `train` command whose defaults are the settings of --preset, --config or --resume."""
    first_pass = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    first_pass.add_argument("--preset", choices=PRESETS)
    first_pass.add_argument("--config", type=Path)
    first_pass.add_argument("--resume", type=Path)
    first_pass.add_argument("--synthetic")
    first_pass.add_argument("--real")
    try:
        chosen, _ = first_pass.parse_known_args(arguments)
    except argparse.ArgumentError:
        chosen = first_pass.parse_args([])  # tyro reports the error later
    if chosen.resume is not None:
        return _resume_defaults(chosen.resume, chosen.preset, chosen.config)
    settings, data = read_settings(chosen.config) if chosen.config else ({}, None)
    # The recorded key and range apply only to the recorded path, not to another path that the user gives.
    synthetic = data.synthetic if data and not chosen.synthetic else SourceRecord(path="")
    real = data.real if data and not chosen.real else SourceRecord(path="")
    return Train(
        synthetic=Path(synthetic.path) if synthetic.path else MISSING,
        real=Path(real.path) if real.path else MISSING,
        out=MISSING,
        **reading_arguments(synthetic, real),
        settings=make_config(settings, _base(chosen.preset, chosen.config)),
    )


def _resume_defaults(folder: Path, preset: PresetName | None, file: Path | None) -> Train:
    """The defaults for --resume: the settings of the run.

    With --preset or --config, the settings of these instead; `resume` then compares them with those of the run.
    """
    config, trained_on = read_run(folder)
    if preset is not None or file is not None:
        given, _ = read_settings(file) if file else ({}, None)
        asked = make_config(given, _base(preset, file))
        recorded = config.model_dump()
        # A setting that the machine decided, or that may change on resuming, keeps the value in the run.
        kept = {
            name
            for name in recorded
            if getattr(asked, name) == "auto" or (name in SETTINGS_FREE_TO_CHANGE and name not in given)
        }
        config = asked.model_copy(update={name: recorded[name] for name in kept})
    synthetic, real = trained_on.synthetic, trained_on.real
    return Train(
        synthetic=Path(synthetic.path),
        real=Path(real.path),
        out=folder,
        resume=folder,
        **reading_arguments(synthetic, real),
        settings=config,
    )


def _base(preset: PresetName | None, file: Path | None) -> TrainConfig:
    """The settings that apply where `file` names none.

    The config.toml of a run names no setting whose value is None, as all of these are in the reference.
    """
    return PRESETS[preset or ("default" if file is None else "reference")].config
