"""Keeps R as it is at intervals of the adversarial phase."""

from pathlib import Path

from simgan.files.numbers import save_networks
from simgan.runs.position import ADVERSARIAL
from simgan.runs.run import SNAPSHOT_PART, snapshot_path
from simgan.training.state import TrainState


class Snapshots:
    """An observer of the training loop that writes R's weights after every `every`-th adversarial step.

    A resumed training writes the later snapshots again, bit for bit.

    Args:
        folder: the run folder, which exists.
        every: steps between two snapshots; 0: none.
        state: the state of the training.
    """

    def __init__(self, folder: Path, every: int, state: TrainState) -> None:
        self._folder, self._every, self._state = folder, every, state

    def step(self) -> None:
        """See `simgan.training.loop.Observer.step`."""
        position = self._state.position
        if self._every and position.phase == ADVERSARIAL and position.step % self._every == 0:
            path = snapshot_path(self._folder, position.step)
            path.parent.mkdir(exist_ok=True)
            save_networks(path, {SNAPSHOT_PART: self._state.refiner})
