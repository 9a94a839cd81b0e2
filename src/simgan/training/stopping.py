"""SIGINT and SIGTERM stop a training after the current step, with a checkpoint."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

TERMINATED = 143
"""Exit code after SIGTERM, as shells have it: 128 + the number of the signal. After SIGINT it is 130."""


class StopRequest:
    """Notes the first SIGINT or SIGTERM within its `with` block; a second signal acts at once, as outside the block.

    Python sets signal handlers in the main thread only; in any other thread, signals act as usual.
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
        self._restore_handlers()

    def __bool__(self) -> bool:
        """Whether a stop was requested."""
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
        self._restore_handlers()

    def _restore_handlers(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
