"""What `make proof` runs: a training and its evaluation for each domain, variant and seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SEEDS = 5
DOMAINS = {
    "camera": "rendered eyes towards the simulated camera; tested on the gaze of 2,000 other camera images",
    "nearer": "as `camera`, but the camera's images are enlarged 1.2 times, so the sets are framed differently",
    "digits": "printed digits towards handwritten ones of the same height (scikit-learn's); tested on 897 others",
    "signs": "digits on coloured signs towards such signs seen by a simulated camera; tested on 2,000 others",
    "photographs": "UnityEyes towards MPIIGaze (your copy); no labels there, so only drift and distances",
}
VARIANTS: dict[str, dict[str, Any]] = {
    "preset": {},
    "fixed weight": {"drift_budget": None},
    "no history": {"history_size": 0},
    "one global patch": {"discriminator": {"patches": "global"}},
    "no self-regularisation": {"self_regularisation": 0.0, "drift_budget": None},
}
# Variants that are run on each domain; the paper's three ablations on `camera` and on photographs.
_PLAN = {
    "camera": ("preset", "no history", "one global patch", "no self-regularisation", "fixed weight"),
    "photographs": ("preset", "no history", "one global patch", "no self-regularisation", "fixed weight"),
    "signs": ("preset", "fixed weight"),
    "digits": ("preset", "fixed weight"),
    "nearer": ("preset", "fixed weight"),
}


@dataclass(frozen=True)
class Job:
    """One training and its evaluation."""

    domain: str
    variant: str
    seed: int

    @property
    def name(self) -> str:
        """Name of the job's folder."""
        return f"{self.domain}-{self.variant.replace(' ', '-')}-{self.seed}"


def jobs(domains: list[str]) -> Iterator[Job]:
    """All jobs: first each variant once, so that an interrupted proof has a result of each variant."""
    for seed in range(SEEDS):
        for domain in domains:
            for variant in _PLAN[domain]:
                yield Job(domain, variant, seed)
