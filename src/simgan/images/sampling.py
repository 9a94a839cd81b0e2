"""An evenly spaced sample of the images of a data set."""

from __future__ import annotations

import numpy as np


def evenly_spaced(count: int, at_most: int) -> list[int]:
    """At most `at_most` of the indices below `count`, evenly spaced from the first to the last."""
    if count <= at_most:
        return list(range(count))
    return [int(index) for index in np.linspace(0, count - 1, at_most).round()]
