"""The engine on PyTorch, on CPU and GPU: micro-batches, compiled networks, CUDA graphs, updates that never wait.

Imported where it is used, and only if Keras runs on PyTorch.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import keras
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simgan.engines.protocol import Losses
from simgan.engines.torch import amx
from simgan.engines.torch.fast_forms import Recorded, with_fallback
from simgan.engines.torch.update_rule import update_rule
from simgan.engines.torch.winograd import speed_up

# Bytes of the largest array that is copied through pinned memory: of a batch, not of a set, since PyTorch never gives
# pinned memory back.
_PINNED = 2**26


class TorchEngine:
    """See `simgan.engines.protocol.Engine`.

    A batch goes through the networks in micro-batches, whose gradients add up to the gradient of the whole batch. No
    layer here mixes images, so the mathematics is the same, while memory is bounded and activations stay in the cache.

    Args:
        micro_batch: images in a micro-batch.
        compiled: whether networks are compiled and, on a GPU, updates recorded as CUDA graphs. If that
            fails, a warning is logged and they run without.
    """

    def __init__(self, micro_batch: int, *, compiled: bool) -> None:
        self._micro_batch = micro_batch
        self._compiled = compiled
        self._device = keras.ops.convert_to_tensor(0.0).device
        self._on_gpu = self._device.type == "cuda"
        self._networks: dict[int, tuple[keras.Model, Callable[[Tensor], Tensor]]] = {}
        self._weights: list[Tensor] = []  # the weights of all networks
        torch.backends.cudnn.benchmark = True  # sizes repeat, so the search for the fastest algorithm pays

    def to_device(self, array: NDArray[Any]) -> Tensor:
        """See `Engine.to_device`."""
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        if self._on_gpu and tensor.nbytes <= _PINNED:  # a copy from pinned memory does not wait for the device
            return tensor.pin_memory().to(self._device, non_blocking=True)
        return tensor.to(self._device)

    def to_numpy(self, array: Tensor) -> NDArray[Any]:
        """See `Engine.to_numpy`."""
        return array.cpu().numpy()

    def zeros(self, shape: tuple[int, ...]) -> Tensor:
        """See `Engine.zeros`. On a CPU, zeros take memory only once they are written."""
        return torch.zeros(shape, device=self._device)

    def network(self, model: keras.Model, *, small: bool = False) -> Callable[[Tensor], Tensor]:
        """See `Engine.network`."""
        if id(model) not in self._networks:
            self._weights += [variable.value for variable in model.trainable_variables]
            self._networks[id(model)] = model, self._fastest(model, small=small)
        return self._networks[id(model)][1]

    def _fastest(self, model: keras.Model, *, small: bool) -> Callable[[Tensor], Tensor]:
        if self._device.type == "cpu":
            if (on_tiles := amx.on_tiles(model)) is not None:
                return on_tiles
            speed_up(model)

        def plain(images: Tensor) -> Tensor:
            return model(images)  # type: ignore[no-any-return]

        if small or not self._compiled:
            return plain
        # PyTorch compiles a code object only a limited number of times, so each network gets its own code object.
        own = FunctionType(plain.__code__.replace(), plain.__globals__, "plain", None, plain.__closure__)
        fast = with_fallback(torch.compile(own, dynamic=False), plain)

        def padded(images: Tensor) -> Tensor:
            """Fills up a smaller batch to a whole micro-batch, since PyTorch compiles anew for another shape."""
            missing = self._micro_batch - len(images)
            if missing <= 0 or torch.is_grad_enabled():
                return fast(images)
            return fast(torch.cat([images, images.new_zeros(missing, *images.shape[1:])]))[: len(images)]

        return padded

    def minimiser(
        self,
        loss: Callable[..., Losses],
        variables: Sequence[keras.Variable],
        optimiser: keras.optimizers.Optimizer,
        *,
        micro_batch_factor: int = 1,
    ) -> Callable[..., Losses]:
        """See `Engine.minimiser`."""
        values, at_once = [variable.value for variable in variables], micro_batch_factor * self._micro_batch
        descend = update_rule(optimiser, values)

        def update(batches: Sequence[Tensor], shared: Sequence[Tensor] = ()) -> Losses:
            count = len(batches[0])
            gradients = [torch.zeros_like(value) for value in values]
            sums: list[Any] = []
            with self._only_trainable(values):
                for start in range(0, count, at_once):
                    pieces = [batch[start : start + at_once] for batch in batches]
                    losses = loss(*pieces, *shared)
                    share = len(pieces[0]) / count
                    torch._foreach_add_(gradients, torch.autograd.grad(losses[0], values), alpha=share)
                    parts = [part.detach() * share if isinstance(part, Tensor) else part for part in losses]
                    sums = [a + b for a, b in zip(sums, parts, strict=True)] if sums else parts
            with torch.no_grad():
                norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
                descend(gradients)
            means = type(losses)(*sums)
            return means._replace(gradient=norm) if "gradient" in means._fields else means

        return Recorded(update) if self._compiled and self._on_gpu else update

    @contextmanager
    def _only_trainable(self, values: Sequence[Tensor]) -> Iterator[None]:
        """Freezes all other weights: a network on tile units computes the gradients of all that are not frozen."""
        wanted = {id(value) for value in values}
        frozen = [weight for weight in self._weights if weight.requires_grad and id(weight) not in wanted]
        for weight in frozen:
            weight.requires_grad_(False)
        try:
            yield
        finally:
            for weight in frozen:
                weight.requires_grad_(True)

    def infer(self, network: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        """See `Engine.infer`."""
        with torch.no_grad():
            return torch.cat([network(piece) for piece in torch.split(images, self._micro_batch)])

    def average(self, into: Sequence[keras.Variable], variables: Sequence[keras.Variable], decay: float) -> None:
        """See `Engine.average`."""
        with torch.no_grad():
            torch._foreach_lerp_([v.value for v in into], [v.value for v in variables], 1.0 - decay)
