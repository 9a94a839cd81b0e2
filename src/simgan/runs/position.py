"""Where a training is: its phase, the steps that are over, and the batches that were drawn."""

from dataclasses import asdict, dataclass
from typing import Any

REFINER_PRETRAIN, DISCRIMINATOR_PRETRAIN, ADVERSARIAL = "refiner_pretrain", "discriminator_pretrain", "adversarial"
PHASES = (REFINER_PRETRAIN, DISCRIMINATOR_PRETRAIN, ADVERSARIAL)


@dataclass
class Position:
    """How far a training has come."""

    phase: str = REFINER_PRETRAIN
    step: int = 0
    """Steps of the phase that are over."""
    synthetic_batches: int = 0
    """Drawn since the beginning."""
    real_batches: int = 0

    def enter(self, phase: str) -> None:
        """Begins a phase, or goes on in it."""
        if phase != self.phase:
            self.phase, self.step = phase, 0

    def is_past(self, phase: str, step: int) -> bool:
        """Whether step `step` of `phase` is over."""
        return (PHASES.index(phase), step) <= (PHASES.index(self.phase), self.step)

    def __str__(self) -> str:
        return f"{self.phase.replace('_', ' ')} step {self.step}"

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return asdict(self)

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Goes where a checkpoint was made.

        Raises:
            ValueError: it is no position.
        """
        counts = {name: saved.get(name) for name in ("step", "synthetic_batches", "real_batches")}
        if saved.get("phase") not in PHASES or not all(type(n) is int and 0 <= n < 2**40 for n in counts.values()):
            raise ValueError(f"expected a position, received {saved!r:.200}")
        self.phase = saved["phase"]
        for name, count in counts.items():
            setattr(self, name, count)
