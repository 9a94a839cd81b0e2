"""One person takes one test after another. This module decides what the page gets to know, and when."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from simgan.errors import SimGANError
from simgan.turing.answers import AnswerFile
from simgan.turing.pictures import Pictures
from simgan.turing.result import TuringResult
from simgan.turing.trial import Kind

Begin = Callable[[], tuple[AnswerFile, Pictures]]


class RefusedError(SimGANError):
    """A request of the page does not fit the state of the test."""


class Sitting:
    """The test that is open. Several threads may call its methods.

    Args:
        opened: the test, and its pictures.
        begin: draws another test.
    """

    def __init__(self, opened: tuple[AnswerFile, Pictures], begin: Begin) -> None:
        self._file, self._pictures = opened
        self._begin = begin
        self._lock = threading.Lock()

    def state(self) -> dict[str, Any]:
        """What the page shows next. It says which images are refined only after the last answer."""
        with self._lock:
            return self._state()

    def answer(self, test: str, trial: int, answer: Kind) -> dict[str, Any]:
        """Takes the answer to the next trial, refuses any other, and returns the new state."""
        with self._lock:
            if test != self._file.path.stem or trial != len(self._file.answers) or self._file.finished:
                raise RefusedError("that trial is not the next one")
            self._file.append(answer)
            return self._state()

    def another(self, test: str) -> dict[str, Any]:
        """Begins another test, once the test `test` is finished, and returns its state."""
        with self._lock:
            if test != self._file.path.stem or not self._file.finished:
                raise RefusedError("the test that is open is not finished")
            opened = self._begin()
            self._file.close()
            self._file, self._pictures = opened
            return self._state()

    def picture(self, test: str, group: str, place: int) -> bytes:
        """A PNG file: group `trial`, `real` or `refined`. KeyError or IndexError if there is none."""
        with self._lock:
            if test != self._file.path.stem:
                raise KeyError(test)
            sheets = {str(kind): sheet for kind, sheet in self._pictures.sheets.items()}
            return {"trial": self._pictures.trials, **sheets}[group][place]

    def result(self) -> TuringResult | None:
        """The result of the answers so far; None before the first."""
        with self._lock:
            return self._file.result()

    def close(self) -> None:
        """Closes the file of the test, after an answer that is being written."""
        with self._lock:
            self._file.close()

    def _state(self) -> dict[str, Any]:
        plan = self._file.plan
        state: dict[str, Any] = {
            "test": self._file.path.stem,
            "next": len(self._file.answers),
            "trials": len(plan.trials),
            "sheet": len(plan.sheet_real),
        }
        result = self._file.result() if self._file.finished else None
        return state if result is None else {**state, "result": _shown(result)}


def _shown(result: TuringResult) -> dict[str, Any]:
    return {
        "table": [
            [result.real_as_real, result.real_as_refined],
            [result.refined_as_real, result.refined_as_refined],
        ],
        "correct": result.correct,
        "accuracy": result.accuracy.estimate,
        "interval": [result.accuracy.low, result.accuracy.high],
        "p": result.p_value,
        "verdict": result.verdict,
    }
