"""Which labels are directions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

ANGLES = ("gaze", "head_pose", "pitch_yaw")
"""Names of labels whose two numbers are pitch and yaw."""

_OFF_UNIT = 1e-2  # largest difference between the length of a unit vector and 1


def are_directions(name: str, labels: NDArray[Any]) -> bool:
    """Whether a label holds unit vectors (N, 3), or pitch and yaw in radians (N, 2) under a name of `ANGLES`."""
    if labels.ndim != 2 or labels.dtype.kind != "f":
        return False
    if labels.shape[1] == 3:
        return bool(np.abs(np.linalg.norm(labels, axis=1) - 1).max(initial=0) < _OFF_UNIT)
    named = labels.shape[1] == 2 and any(angle in name.lower() for angle in ANGLES)
    return named and bool(np.abs(labels).max(initial=0) <= np.pi)
