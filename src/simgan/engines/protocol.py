"""What training needs from a backend: arrays on its device, networks as fast functions, and updates."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import keras
from numpy.typing import NDArray

Array = Any  # of the backend, on its device
Losses = TypeVar("Losses", bound=NamedTuple)


class Engine(Protocol):
    """The seam between algorithm and hardware: steps and loop see this alone. Only `to_numpy` waits for the device."""

    def to_device(self, array: NDArray[Any]) -> Array:
        """The array on the device, of the same shape and type; on a CPU it may share its memory."""

    def to_numpy(self, array: Array) -> NDArray[Any]:
        """The array on the host."""

    def zeros(self, shape: tuple[int, ...]) -> Array:
        """float32 zeros."""

    def network(self, model: keras.Model, *, small: bool = False) -> Callable[[Array], Array]:
        """`model` as a function of a batch, in its fastest form, made once. It follows the weights of the model.

        Args:
            model: takes and gives batches.
            small: whether it takes so little time that compiling it would not pay.
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
                images. It must depend on nothing that changes but its arguments and the weights.
            variables: what is updated; nothing else changes.
            optimiser: SGD without momentum, or Adam, built for these variables.
            micro_batch_factor: how many times as many images as a micro-batch of the engine `loss` takes in one call.
                Above 1 for a network that needs less memory an image than R.

        Returns:
            A function (batches, shared=()) that makes one update. `batches` are arrays (B, ...) with the same B;
            `shared` are arrays that go to `loss` whole. It returns the losses before the update, as scalars of the
            backend: `float` of one may wait for the device. A field `gradient` is filled with the gradient's norm.

        Raises:
            EngineError: the optimiser is neither of the two.
        """

    def infer(self, network: Callable[[Array], Array], images: Array) -> Array:
        """`network(images)`, (B, ...) -> (B, ...), with nothing kept for gradients."""

    def average(self, into: Sequence[keras.Variable], variables: Sequence[keras.Variable], decay: float) -> None:
        """into <- decay * into + (1 - decay) * variables."""
