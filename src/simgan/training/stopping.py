"""SIGINT and SIGTERM ask a training to stop when it can: after the step, with a checkpoint."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

TERMINATED = 143
"""Exit code after SIGTERM; 130 after SIGINT. The shell's: 128 and the number of the signal."""


class StopRequest:
    """While it is entered, the first SIGINT or SIGTERM is noted; a second one does at once what it did before.

    In a thread other than the main one, where Python sets no handlers, nothing changes.
    """

    def __init__(self) -> None:
        self._received: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hand_back()

    def __bool__(self) -> bool:
        """Whether a stop was asked for."""
        return self._received is not None

    def obey(self) -> None:
        """Ends the training as the signal would have.

        Raises:
            KeyboardInterrupt: after SIGINT.
            SystemExit: after SIGTERM.
        """
        if self._received == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(TERMINATED)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._received = number
        self._hand_back()

    def _hand_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
