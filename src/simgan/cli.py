"""The command line: parses one of the commands, runs it, and turns what goes wrong into one line."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Protocol

import tyro
from rich.console import Console
from tyro.conf import subcommand

from simgan.commands import Check, Demo, Drift, Refine, RenderEyes, Train
from simgan.config import SourceRecord, make_config, read_settings
from simgan.errors import SimGANError
from simgan.presets import PRESETS

_BAD_INPUT, _INTERRUPTED, _TERMINATED = 2, 130, 143


class Command(Protocol):
    """A subcommand: its fields are the arguments."""

    def run(self, console: Console) -> int:
        """Does it; returns the exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line.

    Returns:
        The exit code: 0 done, 1 problems found by `check`, 2 bad input, 130 interrupted.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    errors = Console(stderr=True)
    try:
        command = _parse(given)
        return command.run(Console())
    except SimGANError as error:
        message = "; ".join([str(error), *getattr(error, "__notes__", [])])
    except OSError as error:
        message = f"cannot read or write: {' '.join(str(error).split())}; check the disk and the permissions."
    except ImportError as error:
        message = f"cannot import {error.name or error}; install it, or unset KERAS_BACKEND to run on PyTorch."
    except MemoryError:
        message = "out of memory; choose a smaller --micro-batch or --history-size, or smaller images."
    except KeyboardInterrupt as error:
        told = "; ".join(["simgan: interrupted", *getattr(error, "__notes__", [])])
        errors.print(told, markup=False, highlight=False, soft_wrap=True)
        return _INTERRUPTED
    errors.print(f"simgan: error: {message}", markup=False, highlight=False, soft_wrap=True)
    return _BAD_INPUT


def _parse(arguments: list[str]) -> Command:
    commands: Any = (
        Annotated[Train, subcommand("train", default=_train_defaults(arguments))]
        | Annotated[Refine, subcommand("refine")]
        | Annotated[Check, subcommand("check")]
        | Annotated[Drift, subcommand("drift")]
        | Annotated[RenderEyes, subcommand("render-eyes")]
        | Annotated[Demo, subcommand("demo")]
    )
    return tyro.cli(  # type: ignore[no-any-return]
        commands,
        prog="simgan",
        description="SimGAN makes labelled synthetic images look real and leaves their labels true.",
        args=arguments,
    )


def stop_on_sigterm() -> None:
    """Lets SIGTERM end a command as an error does, so that it tidies up behind itself. Exit code 143."""

    def stop(number: int, frame: FrameType | None) -> None:
        sys.exit(_TERMINATED)

    signal.signal(signal.SIGTERM, stop)


def _train_defaults(arguments: list[str]) -> Train:
    """The `train` command with what --preset and --config say, so that its --help shows the settings in force."""
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    early.add_argument("--preset", choices=PRESETS, default="default")
    early.add_argument("--config", type=Path)
    early.add_argument("--synthetic")
    early.add_argument("--real")
    training = arguments[:1] == ["train"]
    try:
        chosen, _ = early.parse_known_args(arguments if training else [])
    except argparse.ArgumentError:
        chosen = early.parse_args([])  # tyro reports it
    settings, data = read_settings(chosen.config) if chosen.config else ({}, None)
    # Key and range belong to a path: another path has its own.
    synthetic = data.synthetic if data and not chosen.synthetic else SourceRecord(path="")
    real = data.real if data and not chosen.real else SourceRecord(path="")
    return Train(
        synthetic=Path(synthetic.path) if synthetic.path else tyro.MISSING,
        real=Path(real.path) if real.path else tyro.MISSING,
        out=tyro.MISSING,
        synthetic_key=synthetic.key,
        real_key=real.key,
        synthetic_range=synthetic.range,
        real_range=real.range,
        settings=make_config(settings, PRESETS[chosen.preset].config),
    )
