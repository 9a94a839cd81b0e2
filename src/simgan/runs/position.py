"""How far a training has come: its phase, the finished steps of that phase, and the batches drawn."""

from dataclasses import asdict, dataclass
from typing import Any

REFINER_PRETRAIN, DISCRIMINATOR_PRETRAIN, ADVERSARIAL = "refiner_pretrain", "discriminator_pretrain", "adversarial"
PHASES = (REFINER_PRETRAIN, DISCRIMINATOR_PRETRAIN, ADVERSARIAL)


@dataclass
class Position:
    """How far a training has come."""

    phase: str = REFINER_PRETRAIN
    step: int = 0
    """Finished steps of the phase."""
    synthetic_batches: int = 0
    """Synthetic batches drawn since the training began."""
    real_batches: int = 0
    """Real batches drawn since the training began."""

    def enter(self, phase: str) -> None:
        """Begins `phase` at step 0, unless the training is already in it."""
        if phase != self.phase:
            self.phase, self.step = phase, 0

    def is_past(self, phase: str, step: int) -> bool:
        """Whether step `step` of `phase` is finished."""
        return (PHASES.index(phase), step) <= (PHASES.index(self.phase), self.step)

    def __str__(self) -> str:
        return f"{self.phase.replace('_', ' ')} step {self.step}"

    def state_dict(self) -> dict[str, Any]:
        """The position as a dictionary, for a checkpoint."""
        return asdict(self)

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Takes over the position that `state_dict` saved in a checkpoint.

        Raises:
            ValueError: `saved` is not a position.
        """
        counts = {name: saved.get(name) for name in ("step", "synthetic_batches", "real_batches")}
        if saved.get("phase") not in PHASES or not all(type(n) is int and 0 <= n < 2**40 for n in counts.values()):
            raise ValueError(f"expected a position, received {saved!r:.200}")
        self.phase = saved["phase"]
        for name, count in counts.items():
            setattr(self, name, count)
