"""The engine on PyTorch, on CPU and GPU: micro-batches, compiled networks, CUDA graphs, updates that never wait.

Only `simgan.engine` imports this file, and only where Keras runs on PyTorch.
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simgan.engine import Losses
from simgan.errors import EngineError
from simgan.winograd import speed_up

_WARM_UPS = 3  # runs before a CUDA graph is recorded: libraries choose their algorithms in them
_log = logging.getLogger("simgan")


class TorchEngine:
    """See `simgan.engine.Engine`.

    A batch goes through the networks in micro-batches whose gradients add up to the whole batch's. No layer here
    mixes images, so the mathematics is the same, while memory is bounded and activations stay in the cache.

    Args:
        micro_batch: images in a micro-batch.
        compiled: whether networks are compiled and, on a GPU, updates recorded as CUDA graphs. Where that fails the
            log says so, and they run as they are.
    """

    def __init__(self, micro_batch: int, *, compiled: bool) -> None:
        self._micro_batch = micro_batch
        self._compiled = compiled
        self._device = keras.ops.convert_to_tensor(0.0).device
        self._on_gpu = self._device.type == "cuda"
        torch.backends.cudnn.benchmark = True  # sizes repeat: the fastest algorithm is worth its search
        if compiled:
            torch.compiler.reset()  # what earlier engines compiled counts against a limit of 8 forms of a function

    def to_device(self, array: NDArray[Any]) -> Tensor:
        """See `Engine.to_device`."""
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        # From pinned memory, the copy waits for nothing.
        return tensor.pin_memory().to(self._device, non_blocking=True) if self._on_gpu else tensor

    def to_numpy(self, array: Tensor) -> NDArray[Any]:
        """See `Engine.to_numpy`."""
        return array.cpu().numpy()

    def zeros(self, shape: tuple[int, ...]) -> Tensor:
        """See `Engine.zeros`. On a CPU, memory counts when it is written."""
        return torch.zeros(shape, device=self._device)

    def network(self, model: keras.Model) -> Callable[[Tensor], Tensor]:
        """See `Engine.network`."""

        if not self._on_gpu:
            speed_up(model)

        def plain(images: Tensor) -> Tensor:
            return model(images)  # type: ignore[no-any-return]

        return _either(torch.compile(plain, dynamic=False), plain) if self._compiled else plain

    def minimiser(
        self,
        loss: Callable[..., Losses],
        variables: Sequence[keras.Variable],
        optimiser: keras.optimizers.Optimizer,
        *,
        light: int = 1,
    ) -> Callable[..., Losses]:
        """See `Engine.minimiser`."""
        values, at_once = [variable.value for variable in variables], light * self._micro_batch
        descend = _update_rule(optimiser, values)

        def update(batches: Sequence[Tensor], shared: Sequence[Tensor] = ()) -> Losses:
            count = len(batches[0])
            gradients = [torch.zeros_like(value) for value in values]
            sums: list[Any] = []
            for start in range(0, count, at_once):
                pieces = [batch[start : start + at_once] for batch in batches]
                losses = loss(*pieces, *shared)
                share = len(pieces[0]) / count
                torch._foreach_add_(gradients, torch.autograd.grad(losses[0], values), alpha=share)
                parts = [part.detach() * share for part in losses]
                sums = [a + b for a, b in zip(sums, parts, strict=True)] if sums else parts
            with torch.no_grad():
                descend(gradients)
            return type(losses)(*sums)

        return _either(_Recorded(update), update) if self._compiled and self._on_gpu else update

    def infer(self, network: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        """See `Engine.infer`."""
        pieces = list(torch.split(images, self._micro_batch))
        if self._compiled and len(images) % self._micro_batch:
            # Compiled code is of one shape: a last piece of another would be compiled anew.
            missing = self._micro_batch - len(pieces[-1])
            pieces[-1] = torch.cat([pieces[-1], pieces[-1].new_zeros(missing, *images.shape[1:])])
        with torch.no_grad():
            return torch.cat([network(piece) for piece in pieces])[: len(images)]

    def average(self, into: Sequence[keras.Variable], variables: Sequence[keras.Variable], decay: float) -> None:
        """See `Engine.average`."""
        with torch.no_grad():
            torch._foreach_lerp_([v.value for v in into], [v.value for v in variables], 1.0 - decay)


def _update_rule(optimiser: keras.optimizers.Optimizer, values: list[Tensor]) -> Callable[[list[Tensor]], None]:
    """`optimiser.apply` as a function of the gradients, on the optimiser's own variables.

    The same arithmetic as Keras's, which waits for the device to read the learning rate from it.
    """
    iterations = optimiser.iterations.value
    own = (optimiser.iterations, optimiser.learning_rate)  # a schedule's rate is no variable
    moments = [one.value for one in optimiser.variables if all(one is not other for other in own)]

    def sgd(gradients: list[Tensor]) -> None:
        torch._foreach_sub_(
            values, torch._foreach_mul(gradients, keras.ops.convert_to_tensor(optimiser.learning_rate))
        )
        iterations.add_(1)

    def adam(gradients: list[Tensor]) -> None:
        beta_1, beta_2, first, second = optimiser.beta_1, optimiser.beta_2, moments[::2], moments[1::2]
        torch._foreach_lerp_(first, gradients, 1 - beta_1)
        torch._foreach_lerp_(second, torch._foreach_mul(gradients, gradients), 1 - beta_2)
        rate = keras.ops.convert_to_tensor(optimiser.learning_rate)
        step = iterations.add_(1).to(torch.float32)
        size = rate * torch.sqrt(1 - beta_2**step) / (1 - beta_1**step)
        root = torch._foreach_add(torch._foreach_sqrt(second), optimiser.epsilon)
        torch._foreach_sub_(values, torch._foreach_div(torch._foreach_mul(first, size), root))

    if not optimiser.weight_decay:
        if isinstance(optimiser, keras.optimizers.Adam) and len(moments) == 2 * len(values):
            return adam
        if isinstance(optimiser, keras.optimizers.SGD) and not moments:
            return sgd
    raise EngineError(
        f"optimiser: expected plain SGD or Adam (no momentum, amsgrad, decay), received {optimiser.name}; take one."
    )


class _Recorded:
    """An update recorded as a CUDA graph, one for each set of shapes, and replayed from then on."""

    def __init__(self, update: Callable[..., Any]) -> None:
        self._update = update
        self._runs: Counter[Any] = Counter()
        self._graphs: dict[Any, Any] = {}

    def __call__(self, batches: Sequence[Tensor], shared: Sequence[Tensor] = ()) -> Any:
        arrays = [*batches, *shared]
        shapes = tuple(array.shape for array in arrays)
        self._runs[shapes] += 1
        if self._runs[shapes] <= _WARM_UPS:
            return self._update(batches, shared)
        if shapes not in self._graphs:
            self._graphs[shapes] = self._record([array.clone() for array in arrays], len(batches))
        graph, places, losses = self._graphs[shapes]
        torch._foreach_copy_(places, arrays)
        graph.replay()
        return type(losses)(*(part.clone() for part in losses))  # the next replay writes over them

    def _record(self, places: list[Tensor], count: int) -> Any:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # the readers' threads go on meanwhile
            losses = self._update(places[:count], places[count:])
        return graph, places, losses


def _either(fast: Callable[..., Any], plain: Callable[..., Any]) -> Callable[..., Any]:
    """`fast`, or `plain` from the first failure of `fast` on."""
    chosen = fast

    def call(*arguments: Any) -> Any:
        nonlocal chosen
        try:
            return chosen(*arguments)
        except RuntimeError as error:
            if chosen is plain:
                raise
            chosen = plain
            reason = str(error).strip().partition("\n")[0]
            _log.warning("compile: failed (%s); training goes on without, slower", reason)
            return plain(*arguments)

    return call
