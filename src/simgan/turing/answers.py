"""The files RUN/turing/<test>.jsonl: the plan of a test, then a line for each answer, flushed to the disk at once."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout
from pydantic import ValidationError

from simgan.errors import RunError
from simgan.turing.result import TuringResult, summary
from simgan.turing.trial import Form, Kind, Plan

FOLDER = "turing"
_KINDS = ("real", "refined")


class AnswerFile:
    """The open file of a test that a person is taking. Only one process at a time has it open.

    Raises:
        RunError: the file is not that of a test, or another process has it open.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO = path.open("r+b")
        try:
            self._lock = _locked(path)
        except BaseException:
            self._file.close()
            raise
        try:
            self.plan, given, whole = _parse(path, self._file.read())
        except BaseException:
            self.close()
            raise
        self._answers = list(given)
        # A power cut may leave half a line, which does not count as an answer.
        self._file.truncate(whole)
        self._file.seek(whole)

    @classmethod
    def create(cls, run: Path, plan: Plan) -> AnswerFile:
        """Begins the test `plan` in the run folder `run`."""
        folder = run / FOLDER
        folder.mkdir(exist_ok=True)
        number = 1 + max((int(path.stem) for path in folder.glob("*.jsonl") if path.stem.isdecimal()), default=0)
        path = folder / f"{number:04d}.jsonl"
        with path.open("xb") as file:
            file.write(plan.model_dump_json().encode() + b"\n")
            _flush(file)
        return cls(path)

    @property
    def answers(self) -> Sequence[Kind]:
        """The answers given, in the order of the trials."""
        return tuple(self._answers)

    @property
    def finished(self) -> bool:
        """Whether every trial has its answer."""
        return len(self._answers) == len(self.plan.trials)

    def append(self, answer: Kind) -> None:
        """Adds the answer to the next trial. When this method returns, the answer is on the disk."""
        line = {"trial": len(self._answers), "answer": answer}
        self._file.write(json.dumps(line).encode() + b"\n")
        _flush(self._file)
        self._answers.append(answer)

    def result(self) -> TuringResult | None:
        """The result of the answers so far; None before the first."""
        return summary(self.path.stem, self.plan, self._answers)

    def close(self) -> None:
        """Closes the file and releases its lock."""
        self._file.close()
        self._lock.release()


def unfinished(run: Path, form: Form, trials: int) -> AnswerFile | None:
    """The newest unfinished test of this form and length that no other process has open."""
    for path in sorted((run / FOLDER).glob("*.jsonl"), reverse=True):
        plan, answers, _ = _parse(path, path.read_bytes())
        if plan.form == form and len(plan.trials) == trials and len(answers) < trials:
            with suppress(_OpenElsewhereError):
                return AnswerFile(path)
    return None


def read_turing(path: Path) -> tuple[TuringResult, ...]:
    """The results in the run folder `path`, oldest first, including unfinished tests with an answer.

    Raises:
        RunError: a file is not that of a test.
    """
    results = []
    for file in sorted((path / FOLDER).glob("*.jsonl")):
        plan, answers, _ = _parse(file, file.read_bytes())
        results.append(summary(file.stem, plan, answers))
    return tuple(result for result in results if result is not None)


def _parse(path: Path, content: bytes) -> tuple[Plan, Sequence[Kind], int]:
    """The plan, the answers, and the number of bytes in whole lines."""
    whole = content.rfind(b"\n") + 1
    first, *lines = content[:whole].splitlines() or [b""]
    try:
        plan = Plan.model_validate_json(first)
        answers = [_answer(line, place) for place, line in enumerate(lines)]
        if len(answers) > len(plan.trials):
            raise ValueError(f"{len(answers)} answers to {len(plan.trials)} trials")
    except (ValueError, ValidationError) as error:
        reason = str(error).partition("\n")[0]
        raise RunError(
            f"turing: expected what 'simgan turing' wrote in {path}, received another file ({reason}); remove it."
        ) from None
    return plan, answers, whole


def _answer(line: bytes, place: int) -> Kind:
    read = json.loads(line)
    if not isinstance(read, dict) or read.get("trial") != place or read.get("answer") not in _KINDS:
        raise ValueError(f"line {place + 2} is no answer")
    return "real" if read["answer"] == "real" else "refined"


class _OpenElsewhereError(RunError):
    """Another process has the test open."""


def _locked(path: Path) -> FileLock:
    """Takes the lock of a test. The system releases it when the process ends, for whatever reason."""
    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise _OpenElsewhereError(
            f"turing: expected a test that no other server has open, received {path}; end the other server."
        ) from None
    return lock


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
