"""The command line: parses one of the commands, runs it, and turns what goes wrong into one line."""

from __future__ import annotations

import io
import os
import re
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from itertools import dropwhile, takewhile
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import tyro
from tyro.conf import subcommand

from simgan.command_line.check import Check
from simgan.command_line.demo import Demo
from simgan.command_line.drift import Drift
from simgan.command_line.evaluate import Evaluate
from simgan.command_line.refine import Refine
from simgan.command_line.render_eyes import RenderEyes
from simgan.command_line.report import Report
from simgan.command_line.turing import Turing
from simgan.console.printing import print_line
from simgan.errors import ConfigError, HealthError, SimGANError, is_out_of_memory
from simgan.training.stopping import TERMINATED
from simgan.version import __version__

if TYPE_CHECKING:
    from types import FrameType

    from rich.console import Console

_BAD_INPUT, _UNWELL, _MISTAKE, _INTERRUPTED = 2, 3, 70, 130
_BROKEN_PIPE = 141  # 128 + SIGPIPE, as of other Unix tools
_NAMES = ("train", "refine", "check", "evaluate", "report", "drift", "render-eyes", "demo", "turing")
_DEBUG = "--debug"  # anywhere on the command line
_LESS_MEMORY = {
    "train": "choose a smaller --micro-batch, --history-size or --size",
    "refine": "R takes large images one at a time: refine smaller ones, or close other programs",
    "evaluate": "choose fewer --images",
}
_FRAME = re.compile(r"\x1b\[[\d;]*m|[│╭╮╰╯]")  # what tyro draws around a message
_RULE = re.compile(r"\s*[─-]{3,}\s*")


class Command(Protocol):
    """A subcommand: its fields are the arguments."""

    def run(self, console: Console) -> int:
        """Does it; returns the exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line. What goes wrong is one line on stderr; with --debug, after the traceback.

    Returns:
        The exit code, see docs/reliability.md: 0 done, 1 problems found by `check`, 2 bad input, 3 a training that is
        not well, 70 a mistake in simgan itself, 130 interrupted, 141 nobody reads the output, 143 terminated.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = _DEBUG in given
    given = [argument for argument in given if argument != _DEBUG]
    if given == ["--version"]:
        print(f"simgan {__version__}")
        return 0
    try:
        return _parse(given).run(_console())
    except BrokenPipeError:  # whoever read the output, `head` say, has seen enough
        _drop_output()
        return _BROKEN_PIPE
    except (SystemExit, KeyboardInterrupt, Exception) as error:
        if isinstance(error, SystemExit) and not getattr(error, "__notes__", []):
            raise  # --help
        if debug:
            traceback.print_exc()
        code, told = _in_one_line(error, *given[:1] or [""])
    print_line(_console(stderr=True), f"simgan: {told}")
    return code


def _drop_output() -> None:
    """Sends what is still to be printed nowhere: Python would complain of the broken pipe again when it ends."""
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _in_one_line(error: BaseException, command: str) -> tuple[int, str]:
    """The exit code of an error of `command`, and what to say of it."""
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
    elif is_out_of_memory(error):
        said = f"out of memory; {_LESS_MEMORY.get(command, 'use fewer or smaller images')}."
    else:
        code = _MISTAKE
        said = (
            f"a mistake in simgan: {type(error).__name__}: {text[:300]}; please report it with what {_DEBUG} prints."
        )
    return code, "; ".join(["error: " + said.rstrip("." if notes else ""), *notes])


def _parse(arguments: list[str]) -> Command:
    """The command that the arguments ask for.

    Raises:
        ConfigError: they do not fit; the message is tyro's, in one line.
        SystemExit: after --help.
    """
    if arguments and not arguments[0].startswith("-") and arguments[0] not in _NAMES:
        raise ConfigError(
            f"arguments: expected a command ({', '.join(_NAMES)}), received {arguments[0]!r}; see 'simgan --help'."
        )
    commands = _commands(arguments)
    with redirect_stderr(io.StringIO()):
        try:
            return _by_tyro(commands, arguments)
        except SystemExit as error:
            if error.code != _BAD_INPUT:
                raise  # --help, or SIGTERM
    said, width = io.StringIO(), os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "9999"  # again, so that no word is broken where a line ends
    try:
        with redirect_stderr(said):
            return _by_tyro(commands, arguments)
    except SystemExit as error:
        if error.code != _BAD_INPUT:
            raise
        raise ConfigError(_unframed(said.getvalue(), arguments)) from None
    finally:
        del os.environ["COLUMNS"]
        if width is not None:
            os.environ["COLUMNS"] = width


def _unframed(box: str, arguments: list[str]) -> str:
    """What tyro says in a box with a title, without the help texts under the next rule."""
    title, *lines = _FRAME.sub("", box).splitlines() or [""]
    title = title.strip(" ─").lower()
    lines = list(dropwhile(_RULE.fullmatch, lines))  # under the title, where the terminal has no frames
    text = " ".join(takewhile(lambda line: not _RULE.fullmatch(line), lines))
    said = " ".join(text.split()).rstrip(".")
    said = said if said.lower().startswith(title) else f"{title}: {said}"
    command = f"simgan {arguments[0]}" if arguments[:1] and arguments[0] in _NAMES else "simgan"
    return f"arguments: {said}; see '{command} --help'."


def _commands(arguments: list[str]) -> Any:
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
    return commands


def _by_tyro(commands: Any, arguments: list[str]) -> Command:
    return tyro.cli(  # type: ignore[no-any-return]
        commands,
        prog="simgan",
        description="SimGAN makes labelled synthetic images look real and leaves their labels true. What goes wrong "
        f"is told in one line; {_DEBUG} shows where it happened. --version prints the version.",
        args=arguments,
    )


@dataclass(frozen=True)
class _Train:
    """Train a refiner on synthetic images and photographs."""


def _train(arguments: list[str]) -> Any:
    """The `train` command for tyro: in full only if it is asked for, since its settings take long to import."""
    if arguments[:1] != ["train"]:
        return Annotated[_Train, subcommand("train")]
    from simgan.command_line.train import Train
    from simgan.command_line.train_defaults import train_defaults

    return Annotated[Train, subcommand("train", default=train_defaults(arguments))]


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console  # on use: --help needs none

    return Console(stderr=stderr)


def stop_on_sigterm() -> None:
    """Lets SIGTERM end a command as an error does, so that it tidies up behind itself. Exit code 143."""

    def stop(number: int, frame: FrameType | None) -> None:
        sys.exit(TERMINATED)

    signal.signal(signal.SIGTERM, stop)
