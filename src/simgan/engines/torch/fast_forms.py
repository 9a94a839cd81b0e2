"""Fast forms of a function on PyTorch, which fall back to the plain function if they fail."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

_WARM_UPS = 3  # runs before a CUDA graph is recorded, in which libraries choose their algorithms
_log = logging.getLogger("simgan")


class Recorded:
    """An update that is recorded as a CUDA graph, one for each set of shapes, and replayed from then on.

    If recording fails, a warning is logged and the update runs without a graph.
    """

    def __init__(self, update: Callable[..., Any]) -> None:
        self._update = update
        self._runs: Counter[Any] = Counter()
        self._graphs: dict[Any, Any] = {}

    def __call__(self, batches: Sequence[Tensor], shared: Sequence[Tensor] = ()) -> Any:
        arrays = [*batches, *shared]
        shapes = tuple(array.shape for array in arrays)
        self._runs[shapes] += 1
        if self._runs[shapes] == _WARM_UPS + 1:
            self._graphs[shapes] = self._record([array.clone() for array in arrays], len(batches))
        if not self._graphs.get(shapes):
            return self._update(batches, shared)
        graph, inputs, losses = self._graphs[shapes]
        torch._foreach_copy_(inputs, arrays)
        graph.replay()
        return type(losses)(*(part.clone() for part in losses))  # the next replay writes over them

    def _record(self, inputs: list[Tensor], count: int) -> Any:
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # other threads may use the GPU meanwhile
                losses = self._update(inputs[:count], inputs[count:])
        except RuntimeError as error:
            _warn("recording a CUDA graph", error)
            return None
        return graph, inputs, losses


def with_fallback(fast: Callable[[Tensor], Tensor], plain: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Calls `fast`; from the first failure of `fast` on, calls `plain`."""
    chosen = fast

    def call(images: Tensor) -> Tensor:
        nonlocal chosen
        try:
            return chosen(images)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            if chosen is plain:
                raise
            _warn("compiling", error)
        chosen = plain
        return plain(images)

    return call


def _warn(what: str, error: RuntimeError) -> None:
    _log.warning("%s failed (%s); continuing without it, slower", what, str(error).strip().partition("\n")[0])
