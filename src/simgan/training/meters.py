"""Collects the losses of the steps since the last progress line."""

from typing import Any, NamedTuple

import numpy as np
from keras import ops
from numpy.typing import NDArray

from simgan.engines.protocol import Array


class Meters:
    """Collects losses. They stay on the device: only `values`, and what calls it, waits for the device."""

    def __init__(self) -> None:
        self._series: dict[str, list[Array]] = {}
        self.last: dict[str, float] = {}
        """The means that the last progress line showed."""

    def add(self, *losses: NamedTuple) -> None:
        """Adds the losses of one step, all of which are scalars."""
        for group in losses:
            network = type(group).__name__.removesuffix("Losses").lower()
            for name, value in group._asdict().items():
                self._series.setdefault(f"{network}_{name}", []).append(value)

    def values(self) -> dict[str, NDArray[np.float32]]:
        """The losses by name, one number for each step."""
        return {
            name: np.asarray(ops.convert_to_numpy(ops.stack(series)), np.float32)
            for name, series in self._series.items()
        }

    def means(self) -> dict[str, float]:
        """The means of the losses, by name."""
        return {name: float(values.mean(dtype=np.float64)) for name, values in self.values().items()}

    def close(self) -> dict[str, float]:
        """Returns the means, for a progress line, and starts a new collection."""
        self.last = self.means()
        self._series.clear()
        return self.last

    def state_dict(self) -> dict[str, Any]:
        """The losses, for a checkpoint."""
        return {"since": {name: values.tolist() for name, values in self.values().items()}, "last": dict(self.last)}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Restores the losses from a checkpoint.

        Raises:
            TypeError, ValueError: `saved` holds no losses.
        """
        series = {name: list(np.asarray(values, np.float32)) for name, values in saved.get("since", {}).items()}
        if len({len(values) for values in series.values()}) > 1:
            raise ValueError("expected one loss a step")
        self._series = series
        self.last = {name: float(value) for name, value in saved.get("last", {}).items()}
