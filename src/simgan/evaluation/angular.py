"""Angle between gaze directions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def gaze_vector(gaze: NDArray[Any]) -> NDArray[np.float64]:
    """Unit vectors (N, 3) of gaze (N, 2) = (pitch, yaw) in radians.

    (-cos p sin y, -sin p, -cos p cos y): camera x to the right, y down, z away from the camera (MPIIGaze).
    """
    pitch, yaw = np.asarray(gaze, np.float64).T
    return np.stack([-np.cos(pitch) * np.sin(yaw), -np.sin(pitch), -np.cos(pitch) * np.cos(yaw)], axis=-1)


def angular_error(predicted: NDArray[Any], true: NDArray[Any]) -> NDArray[np.float64]:
    """Degrees (N,) between two sets of gaze directions, each (N, 2) = (pitch, yaw) in radians."""
    cosine = np.sum(gaze_vector(predicted) * gaze_vector(true), axis=-1)
    degrees: NDArray[np.float64] = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    return degrees
