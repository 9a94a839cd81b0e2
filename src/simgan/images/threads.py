"""Two ways to compute in threads: many at once, and ahead of whoever takes the results."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

# Pillow frees the interpreter lock only while it codes pixels: beyond a few threads the lock is what they wait for.
MOST_THREADS = 4
# Items that a thread takes at once: handing over a single small picture costs as much as decoding it.
_PART = 16


def in_threads(function: Callable[[A], B], items: Sequence[A]) -> list[B]:
    """`function` of each item, in order. If it raises, the error of the first such item is raised, no thread left."""
    parts = [items[start : start + _PART] for start in range(0, len(items), _PART)]
    threads = min(MOST_THREADS, os.cpu_count() or 1, len(parts))
    if threads < 2:
        return [function(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        done = pool.map(lambda part: [function(item) for item in part], parts)
        return list(chain.from_iterable(done))


def ahead(function: Callable[[A], B], items: Iterable[A], depth: int = 2) -> Generator[B]:
    """Yields `function` of each item, in order, computed in a thread of its own while the caller does other things.

    `items` is drawn from in the caller's thread, `depth` items beyond the result that is yielded. An error of
    `function` is raised in the place of its result. Close the generator (`contextlib.closing`): then what waits is
    dropped, what runs is waited for, and no thread is left.
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
