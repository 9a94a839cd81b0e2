"""The arithmetic of Keras's SGD and Adam on PyTorch, without waiting for the device."""

from collections.abc import Callable

import keras
import torch
from torch import Tensor

from simgan.errors import EngineError


def update_rule(optimiser: keras.optimizers.Optimizer, values: list[Tensor]) -> Callable[[list[Tensor]], None]:
    """A function of the gradients that updates `values` and the optimiser's variables, as `optimiser.apply` does.

    The arithmetic is that of Keras, but Keras waits for the device to read the learning rate.
    """
    iterations = optimiser.iterations.value
    no_moments = (optimiser.iterations, optimiser.learning_rate)  # with a schedule, the rate is no variable
    moments = [one.value for one in optimiser.variables if all(one is not other for other in no_moments)]

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
        f"optimiser: expected plain SGD or Adam (no momentum, amsgrad, decay), received {optimiser.name}; choose SGD "
        "or Adam."
    )
