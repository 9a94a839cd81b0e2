"""Losses of the steps since the last progress line."""

from typing import Any, NamedTuple

import numpy as np
from keras import ops
from numpy.typing import NDArray

from simgan.engines.protocol import Array


class Meters:
    """Keeps losses where they were computed: only `values` waits for the device."""

    def __init__(self) -> None:
        self._series: dict[str, list[Array]] = {}
        self.last: dict[str, float] = {}
        """Means of the steps up to the last progress line."""

    def add(self, *losses: NamedTuple) -> None:
        """Takes in the losses of one step, scalars all."""
        for group in losses:
            network = type(group).__name__.removesuffix("Losses").lower()
            for name, value in group._asdict().items():
                self._series.setdefault(f"{network}_{name}", []).append(value)

    def values(self) -> dict[str, NDArray[np.float32]]:
        """By name, one number a step."""
        return {
            name: np.asarray(ops.convert_to_numpy(ops.stack(series)), np.float32)
            for name, series in self._series.items()
        }

    def means(self) -> dict[str, float]:
        """The means, by name."""
        return {name: float(values.mean(dtype=np.float64)) for name, values in self.values().items()}

    def close(self) -> dict[str, float]:
        """The means, for a progress line; then begins anew."""
        self.last = self.means()
        self._series.clear()
        return self.last

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"since": {name: values.tolist() for name, values in self.values().items()}, "last": dict(self.last)}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Goes on where a checkpoint was made.

        Raises:
            TypeError, ValueError: these are no losses.
        """
        series = {name: list(np.asarray(values, np.float32)) for name, values in saved.get("since", {}).items()}
        if len({len(values) for values in series.values()}) > 1:
            raise ValueError("expected one loss a step")
        self._series = series
        self.last = {name: float(value) for name, value in saved.get("last", {}).items()}
