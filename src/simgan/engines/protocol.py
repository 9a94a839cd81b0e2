"""What training needs from a backend: arrays on its device, networks as fast functions, and updates."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import keras
from numpy.typing import NDArray

Array = Any  # an array of the backend, on its device
Losses = TypeVar("Losses", bound=NamedTuple)


class Engine(Protocol):
    """The interface between algorithm and hardware, which steps and loop use. Only `to_numpy` waits for the device."""

    def to_device(self, array: NDArray[Any]) -> Array:
        """Copies an array to the device, with its shape and type. On a CPU both may share their memory."""

    def to_numpy(self, array: Array) -> NDArray[Any]:
        """Copies an array from the device to NumPy."""

    def zeros(self, shape: tuple[int, ...]) -> Array:
        """Creates a float32 array of zeros on the device."""

    def network(self, model: keras.Model, *, small: bool = False) -> Callable[[Array], Array]:
        """The fastest function that computes `model` on a batch. It is built once and uses the model's present
        weights.

        Args:
            model: maps a batch to a batch.
            small: whether the model computes so little, or so seldom, that compiling it would not pay.
        """

    def minimiser(
        self,
        loss: Callable[..., Losses],
        variables: Sequence[keras.Variable],
        optimiser: keras.optimizers.Optimizer,
        *,
        micro_batch_factor: int = 1,
    ) -> Callable[..., Losses]:
        """Makes a function that updates `variables` once, down the gradient of the first field of `loss`.

        Args:
            loss: a function (*batches, *shared) of arrays that returns a named tuple of scalars, each a mean over the
                images. It may depend on nothing that changes except its arguments and the weights.
            variables: the weights to update; nothing else changes.
            optimiser: SGD without momentum, or Adam, built for these variables.
            micro_batch_factor: each call of `loss` gets this many micro-batches of the engine. Above 1 for a network
                that needs less memory for each image than R.

        Returns:
            A function (batches, shared=()) that makes one update. `batches` are arrays (B, ...) with the same B;
            `shared` are arrays that every call of `loss` gets whole. The function returns the losses before the
            update, as scalars of the backend: `float` of a loss may wait for the device. A field `gradient` is filled
            with the norm of the gradient.

        Raises:
            EngineError: the optimiser is neither SGD without momentum nor Adam.
        """

    def infer(self, network: Callable[[Array], Array], images: Array) -> Array:
        """`network(images)`, (B, ...) -> (B, ...), without keeping activations for gradients."""

    def average(self, into: Sequence[keras.Variable], variables: Sequence[keras.Variable], decay: float) -> None:
        """into <- decay * into + (1 - decay) * variables."""
