"""The command line: parses one of the commands, runs it, and turns what goes wrong into one line."""

from __future__ import annotations

import signal
import sys
import traceback
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

_BAD_INPUT, _UNWELL, _MISTAKE, _INTERRUPTED = 2, 3, 70, 130
_DEBUG = "--debug"  # anywhere on the command line
# How PyTorch says it, in a RuntimeError, of a GPU and of a CPU.
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory")


class Command(Protocol):
    """A subcommand: its fields are the arguments."""

    def run(self, console: Console) -> int:
        """Does it; returns the exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line. What goes wrong is one line on stderr; with --debug, after the traceback.

    Returns:
        The exit code, see docs/reliability.md: 0 done, 1 problems found by `check`, 2 bad input, 3 a training that is
        not well, 70 a mistake in simgan itself, 130 interrupted, 143 terminated.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = _DEBUG in given
    given = [argument for argument in given if argument != _DEBUG]
    try:
        return _parse(given).run(_console())
    except (SystemExit, KeyboardInterrupt, Exception) as error:
        if isinstance(error, SystemExit) and not getattr(error, "__notes__", []):
            raise  # --help, or an argument that tyro has told of
        if debug:
            traceback.print_exc()
        code, told = _in_one_line(error)
    _console(stderr=True).print(f"simgan: {told}", markup=False, highlight=False, soft_wrap=True)
    return code


def _in_one_line(error: BaseException) -> tuple[int, str]:
    """The exit code of an error, and what to say of it."""
    notes = getattr(error, "__notes__", [])
    text = " ".join(str(error).split())
    if isinstance(error, SystemExit | KeyboardInterrupt):
        return TERMINATED if isinstance(error, SystemExit) else _INTERRUPTED, "; ".join(["interrupted", *notes])
    code = _BAD_INPUT
    if isinstance(error, SimGANError):
        code, said = _UNWELL if isinstance(error, HealthError) else _BAD_INPUT, str(error)
    elif isinstance(error, OSError):
        said = f"cannot read or write: {text}; check the disk and the permissions."
    elif isinstance(error, ImportError):
        said = f"cannot import {error.name or error}; install it, or unset KERAS_BACKEND to run on PyTorch."
    elif isinstance(error, MemoryError) or any(words in text for words in _OUT_OF_MEMORY):
        said = "out of memory; choose a smaller --micro-batch or --history-size, or smaller images."
    else:
        code = _MISTAKE
        said = (
            f"a mistake in simgan: {type(error).__name__}: {text[:300]}; please report it with what {_DEBUG} prints."
        )
    return code, "; ".join(["error: " + said.rstrip("." if notes else ""), *notes])


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
        description="SimGAN makes labelled synthetic images look real and leaves their labels true. What goes wrong "
        f"is told in one line; {_DEBUG} shows where it happened.",
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
