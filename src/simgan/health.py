"""Is a training well? What is not finite ends it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.errors import RunError
from simgan.position import Position


def check_losses(losses: Mapping[str, NDArray[np.float32]], position: Position) -> None:
    """Looks at the losses of the last steps, of which the newest is that of `position`.

    Raises:
        RunError: one is not finite; the first such step is named.
    """
    bad = [
        (int(np.flatnonzero(~np.isfinite(of))[0]) - len(of), name)
        for name, of in losses.items()
        if not np.isfinite(of).all()
    ]
    if bad:
        back, name = min(bad)
        step = position.step + 1 + back
        raise RunError(
            f"{position.phase.replace('_', ' ')} step {step}: expected a finite {name}, received "
            f"{losses[name][back]}; lower the learning rates."
        )


def check_arrays(arrays: Mapping[str, NDArray[Any]], position: Position) -> None:
    """Looks at what would become a checkpoint.

    Raises:
        RunError: an array is not finite; it is named.
    """
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise RunError(
                f"{position}: expected finite numbers in {name}, received others; lower the learning rates."
            )
