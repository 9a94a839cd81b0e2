"""What --preset, --config and --resume say, so that `simgan train --help` shows the settings in force."""

import argparse
from pathlib import Path

from tyro import MISSING

from simgan.command_line.train import Train, reading_arguments
from simgan.settings.config import SETTINGS_FREE_TO_CHANGE, SourceRecord, make_config, read_run, read_settings
from simgan.settings.presets import PRESETS, PresetName


def train_defaults(arguments: list[str]) -> Train:
    """The `train` command with what --preset and --config say, so that its --help shows the settings in force."""
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    early.add_argument("--preset", choices=PRESETS)
    early.add_argument("--config", type=Path)
    early.add_argument("--resume", type=Path)
    early.add_argument("--synthetic")
    early.add_argument("--real")
    try:
        chosen, _ = early.parse_known_args(arguments)
    except argparse.ArgumentError:
        chosen = early.parse_args([])  # tyro reports it
    if chosen.resume is not None:
        return _resume_defaults(chosen.resume, chosen.preset, chosen.config)
    settings, data = read_settings(chosen.config) if chosen.config else ({}, None)
    # Key and range belong to a path: another path has its own.
    synthetic = data.synthetic if data and not chosen.synthetic else SourceRecord(path="")
    real = data.real if data and not chosen.real else SourceRecord(path="")
    return Train(
        synthetic=Path(synthetic.path) if synthetic.path else MISSING,
        real=Path(real.path) if real.path else MISSING,
        out=MISSING,
        **reading_arguments(synthetic, real),
        settings=make_config(settings, PRESETS[chosen.preset or "default"].config),
    )


def _resume_defaults(folder: Path, preset: PresetName | None, file: Path | None) -> Train:
    """The settings of a run; with --preset or --config what these say, for `resume` to compare."""
    config, trained_on = read_run(folder)
    if preset is not None or file is not None:
        given, _ = read_settings(file) if file else ({}, None)
        asked = make_config(given, PRESETS[preset or "default"].config)
        recorded = config.model_dump()
        # What the machine decided, or what may change on the way, is no other setting.
        free = {
            name
            for name in recorded
            if getattr(asked, name) == "auto" or (name in SETTINGS_FREE_TO_CHANGE and name not in given)
        }
        config = asked.model_copy(update={name: recorded[name] for name in free})
    synthetic, real = trained_on.synthetic, trained_on.real
    return Train(
        synthetic=Path(synthetic.path),
        real=Path(real.path),
        out=folder,
        resume=folder,
        **reading_arguments(synthetic, real),
        settings=config,
    )
