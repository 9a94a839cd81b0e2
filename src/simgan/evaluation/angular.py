"""Angle between gaze directions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.eyes.geometry import gaze_vector


def angular_error(predicted: NDArray[Any], true: NDArray[Any]) -> NDArray[np.float64]:
    """Degrees (N,) between two sets of gaze directions, each (N, 2) = (pitch, yaw) in radians."""
    one, other = (gaze_vector(np.asarray(gaze, np.float64)) for gaze in (predicted, true))
    cosine = np.sum(one * other, axis=-1)
    degrees: NDArray[np.float64] = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    return degrees
