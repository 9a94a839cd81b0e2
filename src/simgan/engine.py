"""The one place that knows how a loss is minimised: gradients and updates, on PyTorch under Keras.

`Engine` is the seam: an engine for another Keras backend has the same methods, and steps and loop stay as they are.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import keras
import numpy as np
from numpy.typing import NDArray

from simgan.errors import EngineError

Losses = TypeVar("Losses", bound=NamedTuple)


class Engine(Protocol):
    """What the update steps need from a backend."""

    def minimise(
        self,
        loss: Callable[..., Losses],
        variables: Sequence[keras.Variable],
        optimiser: keras.optimizers.Optimizer,
        *batches: NDArray[np.float32],
    ) -> Losses:
        """Updates `variables` once, down the gradient of the first field of `loss(*batches)`.

        Args:
            loss: a function of arrays (B, ...) that returns a named tuple of scalars, each a mean over its images.
            variables: what is updated; nothing else changes.
            optimiser: a Keras optimiser that has been built for these variables.
            batches: the arrays, all with the same B.

        Returns:
            The losses before the update, as scalars of the backend: `float` of one may wait for the device.
        """

    def infer(self, model: keras.Model, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """`model(images)`, (B, ...) -> (B, ...), with nothing kept for gradients."""

    def average(self, into: Sequence[keras.Variable], variables: Sequence[keras.Variable], decay: float) -> None:
        """into <- decay * into + (1 - decay) * variables."""


class TorchEngine:
    """Engine on PyTorch, on the device where Keras puts its variables: the GPU if there is one.

    A batch goes through the networks in micro-batches whose gradients add up to the whole batch's. No layer here
    mixes images, so the mathematics is the same, while memory is bounded and activations stay in the cache.

    Args:
        micro_batch: images in a micro-batch.

    Raises:
        EngineError: Keras runs on another backend.
    """

    def __init__(self, micro_batch: int) -> None:
        if keras.backend.backend() != "torch":
            raise EngineError(
                f"keras backend: expected torch, the engine that trains, received {keras.backend.backend()}; set the "
                "environment variable KERAS_BACKEND=torch, or import simgan before keras."
            )
        import torch

        self._torch = torch
        self._micro_batch = micro_batch

    def minimise(
        self,
        loss: Callable[..., Losses],
        variables: Sequence[keras.Variable],
        optimiser: keras.optimizers.Optimizer,
        *batches: NDArray[np.float32],
    ) -> Losses:
        """See `Engine.minimise`."""
        torch, count = self._torch, len(batches[0])
        values = [variable.value for variable in variables]
        gradients = [torch.zeros_like(value) for value in values]
        sums: list[Any] = []
        for start in range(0, count, self._micro_batch):
            device = values[0].device
            pieces = [self._to_device(batch[start : start + self._micro_batch], device) for batch in batches]
            losses = loss(*pieces)
            share = len(pieces[0]) / count
            torch._foreach_add_(gradients, torch.autograd.grad(losses[0], values), alpha=share)
            parts = [part.detach() * share for part in losses]
            sums = [a + b for a, b in zip(sums, parts, strict=True)] if sums else parts
        with torch.no_grad():
            optimiser.apply(gradients, variables)
        return type(losses)(*sums)

    def infer(self, model: keras.Model, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Engine.infer`."""
        device = model.weights[0].value.device
        with self._torch.no_grad():
            pieces = [
                model(self._to_device(images[start : start + self._micro_batch], device), training=False).cpu()
                for start in range(0, len(images), self._micro_batch)
            ]
        return self._torch.cat(pieces).numpy()

    def average(self, into: Sequence[keras.Variable], variables: Sequence[keras.Variable], decay: float) -> None:
        """See `Engine.average`."""
        with self._torch.no_grad():
            self._torch._foreach_lerp_([v.value for v in into], [v.value for v in variables], 1.0 - decay)

    def _to_device(self, batch: NDArray[np.float32], device: Any) -> Any:
        return self._torch.from_numpy(np.ascontiguousarray(batch)).to(device)


def resolve_precision(precision: str) -> str:
    """`TrainConfig.precision` with `auto` made out: bfloat16 where the device multiplies it natively, else float32."""
    if precision != "auto":
        return precision
    import torch

    if keras.ops.convert_to_tensor(0.0).device.type == "cuda":
        native = torch.cuda.is_bf16_supported()
    else:
        # PyTorch tells it of a CPU only under a private name, which another version may not have.
        native = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    return "bfloat16" if native else "float32"


def dtype_policy(precision: str) -> str:
    """The Keras dtype policy of `TrainConfig.precision`: weights are float32 in either."""
    return "float32" if resolve_precision(precision) == "float32" else "mixed_bfloat16"
