"""Two ways to compute in threads: many items at once, or the next items while the caller works on the last."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

# Pillow releases the interpreter lock only while it encodes or decodes pixels. For a picture with fewer bytes of
# pixels than this, the other work takes longer, and several threads that wait for the lock are slower than one thread.
# Ours: measured with PNG.
_LARGE = 2**16
_MOST_THREADS = 4


def in_threads(
    function: Callable[[A], B], items: Sequence[A], nbytes: int | None = None, *, most_threads: int = _MOST_THREADS
) -> list[B]:
    """Returns `function(item)` for each item, in order, computed in several threads if that is faster.

    If `function` raises, the error of the first such item is raised after all threads have ended.

    Args:
        function: the function to compute.
        items: its arguments.
        nbytes: size of one picture, for a function that reads or writes pictures: small ones are faster in one thread.
            None for a function that hardly holds the interpreter lock.
        most_threads: largest number of threads; there are never more threads than processors or items.
    """
    threads = min(most_threads, os.cpu_count() or 1, len(items))
    if threads < 2 or (nbytes is not None and nbytes < _LARGE):
        return [function(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, items))


def ahead(function: Callable[[A], B], items: Iterable[A], depth: int = 2) -> Generator[B]:
    """Yields `function(item)` for each item, in order, computed in one other thread while the caller does other work.

    The caller's thread iterates over `items`, up to `depth` items beyond the result that is yielded. If `function`
    raises for an item, the error is raised when its result is due. Close the generator (`contextlib.closing`): that
    drops items not yet begun, waits for the running one, and ends the thread.
    """
    waiting: deque[Future[B]] = deque()
    with ThreadPoolExecutor(1) as thread:
        try:
            for item in items:
                waiting.append(thread.submit(function, item))
                if len(waiting) > depth:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
