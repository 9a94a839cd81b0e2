"""The command line: parses and runs one command, and prints an error as one line."""

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
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import tyro
from tyro.conf import subcommand

from simgan.command_line.check import Check
from simgan.command_line.demo import Demo
from simgan.command_line.drift import Drift
from simgan.command_line.evaluate import Evaluate
from simgan.command_line.match import Match
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

_BAD_INPUT, _BAD_TRAINING, _MISTAKE, _INTERRUPTED = 2, 3, 70, 130
_BROKEN_PIPE = 141  # 128 + SIGPIPE, as other Unix tools return
_NAMES = ("train", "refine", "match", "check", "evaluate", "report", "drift", "render-eyes", "demo", "turing")
_MOST_PATHS = 3  # positional paths that a command takes at most
_DEBUG = "--debug"  # anywhere on the command line
_LESS_MEMORY = {
    "train": "choose a smaller --micro-batch, --history-size or --size",
    "refine": "large images are already refined one at a time: refine smaller images, or close other programs",
    "evaluate": "choose a smaller number of --images",
}
_FRAME = re.compile(r"\x1b\[[\d;]*m|[│╭╮╰╯]")  # colours and frame characters that tyro puts around a message
_HORIZONTAL_LINE = re.compile(r"\s*[─-]{3,}\s*")


class Command(Protocol):
    """A subcommand: its fields are the arguments."""

    def run(self, console: Console) -> int:
        """Runs the command and returns the exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line. An error is printed on stderr as one line; --debug prints the traceback before it.

    Returns:
        The exit code, see docs/reliability.md: 0 done, 1 `check` found problems, 2 bad input, 3 a training went wrong
        (HealthError), 70 a mistake in simgan itself, 130 interrupted, 141 the reader of stdout closed the pipe, 143
        terminated.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = _DEBUG in given
    given = [argument for argument in given if argument != _DEBUG]
    if given == ["--version"]:
        print(f"simgan {__version__}")
        return 0
    try:
        return _parse(given).run(_console())
    except BrokenPipeError:  # the reader of stdout, such as `head`, has closed the pipe
        _drop_output()
        return _BROKEN_PIPE
    except (SystemExit, KeyboardInterrupt, Exception) as error:
        if isinstance(error, SystemExit) and not getattr(error, "__notes__", []):
            raise  # --help
        if debug:
            traceback.print_exc()
        code, line = _in_one_line(error, *given[:1] or [""])
    print_line(_console(stderr=True), f"simgan: {line}")
    return code


def _drop_output() -> None:
    """Discards the rest of the output: on exit, Python would otherwise report the broken pipe once more."""
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _in_one_line(error: BaseException, command: str) -> tuple[int, str]:
    """The exit code for `error`, which the command named `command` raised, and the line to print."""
    notes = getattr(error, "__notes__", [])
    text = " ".join(str(error).split())
    if isinstance(error, SystemExit | KeyboardInterrupt):
        return TERMINATED if isinstance(error, SystemExit) else _INTERRUPTED, "; ".join(["interrupted", *notes])
    code = _BAD_INPUT
    if isinstance(error, SimGANError):
        code, message = _BAD_TRAINING if isinstance(error, HealthError) else _BAD_INPUT, str(error)
    elif isinstance(error, OSError):
        message = f"cannot read or write: {text}; check the disk and the permissions."
    elif isinstance(error, ImportError):
        message = f"cannot import {error.name or error}; install it, or unset KERAS_BACKEND to run on PyTorch."
    elif is_out_of_memory(error):
        message = f"out of memory; {_LESS_MEMORY.get(command, 'use fewer or smaller images')}."
    else:
        code = _MISTAKE
        message = (
            f"a mistake in simgan: {type(error).__name__}: {text[:300]}; please report it with the output of {_DEBUG}."
        )
    return code, "; ".join(["error: " + message.rstrip("." if notes else ""), *notes])


def _parse(arguments: list[str]) -> Command:
    """The command that the arguments ask for.

    Raises:
        ConfigError: the arguments are wrong; the message is that of tyro on one line.
        SystemExit: after --help.
    """
    if arguments and not arguments[0].startswith("-") and arguments[0] not in _NAMES:
        raise ConfigError(
            f"arguments: expected a command ({', '.join(_NAMES)}), received {arguments[0]!r}; see 'simgan --help'."
        )
    _check_no_empty(arguments)
    commands = _commands(arguments)
    with redirect_stderr(io.StringIO()):
        try:
            return _by_tyro(commands, arguments)
        except SystemExit as error:
            if error.code != _BAD_INPUT:
                raise  # --help, or SIGTERM
    printed, width = io.StringIO(), os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "9999"  # parse again, so wide that tyro breaks no word at the end of a line
    try:
        with redirect_stderr(printed):
            return _by_tyro(commands, arguments)
    except SystemExit as error:
        if error.code != _BAD_INPUT:
            raise
        raise ConfigError(
            _files_in_place_of_folder(arguments) or _without_frame(printed.getvalue(), arguments)
        ) from None
    finally:
        del os.environ["COLUMNS"]
        if width is not None:
            os.environ["COLUMNS"] = width


def _check_no_empty(arguments: list[str]) -> None:
    """Raises ConfigError if an argument is empty: as a path it would be the current folder."""
    for before, argument in zip(["simgan", *arguments], arguments, strict=False):
        if not argument or (argument.startswith("--") and argument.endswith("=")):
            where = f"in {argument!r}" if argument else f"after {before!r}"
            raise ConfigError(
                f"arguments: expected text in each, received an empty argument {where}, perhaps from a variable that "
                "is not set; give '.' for the current folder."
            )


def _files_in_place_of_folder(arguments: list[str]) -> str | None:
    """The error message if a shell replaced a pattern (`a/*.png`) by more files than a command takes, or None."""
    files = [argument for argument in arguments if not argument.startswith("-") and Path(argument).is_file()]
    if len(files) <= _MOST_PATHS:
        return None
    flag = "--synthetic-images or --real-images" if arguments[0] == "train" else "--images"
    return (
        f"arguments: expected a folder, received {len(files)} files, the first {files[0]!r}; give the folder, and "
        f"choose files in it with {flag} '*{Path(files[0]).suffix}', in quotation marks."
    )


def _without_frame(box: str, arguments: list[str]) -> str:
    """The error message in the box that tyro draws, without the help texts below the next horizontal line."""
    title, *lines = _FRAME.sub("", box).splitlines() or [""]
    title = title.strip(" ─").lower()
    lines = list(dropwhile(_HORIZONTAL_LINE.fullmatch, lines))  # the line under the title, without frames
    text = " ".join(takewhile(lambda line: not _HORIZONTAL_LINE.fullmatch(line), lines))
    message = " ".join(text.split()).rstrip(".")
    message = message if message.lower().startswith(title) else f"{title}: {message}"
    command = f"simgan {arguments[0]}" if arguments[:1] and arguments[0] in _NAMES else "simgan"
    return f"arguments: {message}; see '{command} --help'."


def _commands(arguments: list[str]) -> Any:
    commands: Any = (
        _train(arguments)
        | Annotated[Refine, subcommand("refine")]
        | Annotated[Match, subcommand("match")]
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
        description="SimGAN makes labelled synthetic images look real and keeps their labels true. Errors are printed "
        f"as one line; {_DEBUG} adds the traceback. --version prints the version.",
        args=arguments,
    )


@dataclass(frozen=True)
class _Train:
    """Train a refiner on synthetic images and photographs."""


def _train(arguments: list[str]) -> Any:
    """The `train` command for tyro, with arguments only if it was asked for: importing its settings takes long."""
    if arguments[:1] != ["train"]:
        return Annotated[_Train, subcommand("train")]
    from simgan.command_line.train import Train
    from simgan.command_line.train_defaults import train_defaults

    return Annotated[Train, subcommand("train", default=train_defaults(arguments))]


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console  # imported here, because --help needs no console

    return Console(stderr=stderr)


def stop_on_sigterm() -> None:
    """Makes SIGTERM raise SystemExit with code 143, so that a terminated command removes its unfinished files."""

    def stop(number: int, frame: FrameType | None) -> None:
        sys.exit(TERMINATED)

    signal.signal(signal.SIGTERM, stop)
