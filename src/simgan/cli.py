"""The command line: parses one of the commands, runs it, and turns what goes wrong into one line."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import tyro
from tyro.conf import subcommand

from simgan.commands import Check, Demo, Refine, RenderEyes
from simgan.errors import HealthError, SimGANError
from simgan.measuring_commands import Drift, Evaluate, Report
from simgan.stopping import TERMINATED
from simgan.turing_command import Turing

if TYPE_CHECKING:
    from types import FrameType

    from rich.console import Console

_BAD_INPUT, _UNWELL, _INTERRUPTED = 2, 3, 130
# How PyTorch says it, in a RuntimeError, of a GPU and of a CPU.
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory")


class Command(Protocol):
    """A subcommand: its fields are the arguments."""

    def run(self, console: Console) -> int:
        """Does it; returns the exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line.

    Returns:
        The exit code: 0 done, 1 problems found by `check`, 2 bad input, 3 a training that
        is not well, 130 interrupted, 143 terminated.
    """
    code = _BAD_INPUT
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        command = _parse(given)
        return command.run(_console())
    except SimGANError as error:
        notes = getattr(error, "__notes__", [])
        message = "; ".join([str(error).rstrip("." if notes else ""), *notes])
        code = _UNWELL if isinstance(error, HealthError) else _BAD_INPUT
    except OSError as error:
        message = f"cannot read or write: {' '.join(str(error).split())}; check the disk and the permissions."
    except ImportError as error:
        message = f"cannot import {error.name or error}; install it, or unset KERAS_BACKEND to run on PyTorch."
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not any(words in str(error) for words in _OUT_OF_MEMORY):
            raise
        message = "out of memory; choose a smaller --micro-batch or --history-size, or smaller images."
    except (KeyboardInterrupt, SystemExit) as error:
        notes = getattr(error, "__notes__", [])
        if isinstance(error, SystemExit) and not notes:  # --help, or an argument that tyro has told of
            raise
        _console(stderr=True).print(
            "; ".join(["simgan: interrupted", *notes]), markup=False, highlight=False, soft_wrap=True
        )
        return TERMINATED if isinstance(error, SystemExit) else _INTERRUPTED
    _console(stderr=True).print(f"simgan: error: {message}", markup=False, highlight=False, soft_wrap=True)
    return code


def _parse(arguments: list[str]) -> Command:
    commands: Any = (
        _train(arguments)
        | Annotated[Refine, subcommand("refine")]
        | Annotated[Check, subcommand("check")]
        | Annotated[Evaluate, subcommand("evaluate")]
        | Annotated[Report, subcommand("report")]
        | Annotated[Drift, subcommand("drift")]
        | Annotated[RenderEyes, subcommand("render-eyes")]
        | Annotated[Demo, subcommand("demo")]
        | Annotated[Turing, subcommand("turing")]
    )
    return tyro.cli(  # type: ignore[no-any-return]
        commands,
        prog="simgan",
        description="SimGAN makes labelled synthetic images look real and leaves their labels true.",
        args=arguments,
    )


class _Train:
    """Train a refiner on synthetic images and photographs."""


def _train(arguments: list[str]) -> Any:
    """The `train` command for tyro: in full only if it is asked for, since its settings take long to import."""
    if arguments[:1] != ["train"]:
        return Annotated[_Train, subcommand("train")]
    from simgan.train_command import Train, train_defaults

    return Annotated[Train, subcommand("train", default=train_defaults(arguments))]


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console  # on use: --help needs none

    return Console(stderr=stderr)


def stop_on_sigterm() -> None:
    """Lets SIGTERM end a command as an error does, so that it tidies up behind itself. Exit code 143."""

    def stop(number: int, frame: FrameType | None) -> None:
        sys.exit(TERMINATED)

    signal.signal(signal.SIGTERM, stop)
