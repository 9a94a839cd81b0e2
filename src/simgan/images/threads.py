"""Two ways to compute in threads: many at once, and ahead of whoever takes the results."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

# Pillow frees the interpreter lock only while it codes pixels. Of a picture below this size, in bytes of pixels, the
# rest takes longer, and threads that wait for the lock are slower than one. Ours: measured with PNG.
_LARGE = 2**16
_MOST_THREADS = 4


def in_threads(
    function: Callable[[A], B], items: Sequence[A], nbytes: int | None = None, *, most_threads: int = _MOST_THREADS
) -> list[B]:
    """`function` of each item, in order, in several threads where that is faster.

    If it raises, the error of the first such item is raised, and no thread is left.

    Args:
        function: what is computed of an item.
        items: what it is computed of.
        nbytes: size of one picture, for a function that reads or writes pictures: small ones are faster in one thread.
            None for a function that hardly holds the interpreter lock.
        most_threads: threads at most; never more than processors or items.
    """
    threads = min(most_threads, os.cpu_count() or 1, len(items))
    if threads < 2 or (nbytes is not None and nbytes < _LARGE):
        return [function(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, items))


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
