"""Processes that a test may kill or limit, forked from one that has imported the package: starting one takes a moment.

Importing Keras and PyTorch and compiling the kernels take a new process several seconds. Of multiprocessing's fork
server, each worker of pytest has one, which begins with the first test that needs it.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.preloaded"])
PROGRAM = "import runpy; runpy.run_module('simgan', run_name='__main__')"  # `python -m simgan`


class Forked:
    """`python -c code arguments...` in a new process, whose output goes into files in `folder`."""

    def __init__(self, folder: Path, code: str, *arguments: object) -> None:
        self._outputs = folder / "stdout", folder / "stderr"
        given = ["-c", *map(str, arguments)]
        self._process = CONTEXT.Process(target=_run, args=(code, given, *map(str, self._outputs)))
        self._process.start()

    @property
    def stdout(self) -> str:
        """What it has printed until now."""
        return self._outputs[0].read_text("utf-8") if self._outputs[0].exists() else ""

    @property
    def stderr(self) -> str:
        """What it has complained of until now."""
        return self._outputs[1].read_text("utf-8") if self._outputs[1].exists() else ""

    def lines(self) -> Iterator[str]:
        """The lines of stdout as they are printed, until it ends."""
        given = 0
        while True:
            ended = not self._process.is_alive()
            whole = [line for line in self.stdout.splitlines(keepends=True) if line.endswith("\n")]
            yield from whole[given:]
            given = len(whole)
            if ended:
                return
            time.sleep(0.02)

    def send_signal(self, number: int) -> None:
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def wait(self, seconds: float = 300) -> int:
        """The exit code, or minus the signal that ended it."""
        self._process.join(seconds)
        if self._process.exitcode is None:
            raise TimeoutError(f"the process runs for more than {seconds:g} s: {self.stderr}")
        return self._process.exitcode


def _run(code: str, arguments: list[str], *outputs: str) -> None:
    """In the new process."""
    for number, path in enumerate(outputs, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    sys.stdout.reconfigure(line_buffering=True)
    sys.argv = arguments
    exec(compile(code, "<forked>", "exec"), {"__name__": "__main__"})
