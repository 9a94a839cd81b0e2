"""The targets of simgan, and what was measured."""

import statistics
from dataclasses import dataclass

from benchmarks.flops import step_flops
from benchmarks.machine import Machine
from benchmarks.measure import Results
from simgan import PRESETS
from simgan.settings.config import make_config

AMX = "two cores with AMX"


@dataclass(frozen=True)
class Target:
    """One line of the table."""

    what: str
    seen: float
    unit: str
    wanted: float
    at_least: bool = True
    """Whether a larger value is better."""
    on: str = ""
    """The machine that the target is for; if empty, any machine."""

    def verdict(self, machine: Machine) -> str:
        """`met`, `missed`, or that this machine is not the one that the target is for."""
        if self.seen >= self.wanted if self.at_least else self.seen <= self.wanted:
            return "met"
        return "not this machine (no AMX)" if self.on == AMX and not machine.has_amx else "missed"

    def aim(self) -> str:
        """The target in words."""
        on = f" on {self.on}" if self.on else ""
        return f"{'>=' if self.at_least else '<='} {self.wanted:g} {self.unit}{on}"


def training_rate(results: Results, batch: int, height: int, width: int) -> float:
    """TFLOP/s of R's pre-training in the preset `reference` at this batch."""
    config = make_config({"batch_size": batch}, PRESETS["reference"].config)
    seconds = [second for pair in results.pairs for second in pair.ours["refiner_pretrain"]]
    return step_flops(config, height, width).refiner_pretrain / statistics.median(seconds) / 1e12


def targets(results: Results, batch: int, height: int, width: int) -> list[Target]:
    """The targets for which something was measured."""
    found = []
    if results.pairs:
        ratio = statistics.median(pair.ratio("adversarial") for pair in results.pairs)
        found.append(Target("adversarial step, times the textbook's speed", ratio, "x", 5.0))
        rate = training_rate(results, batch, height, width)
        found.append(Target("training R", rate, "TFLOP/s", 1.2, on=AMX))
    for name, rates in results.refining.items():
        if name.startswith("HDF5") and "64" in name:
            found.append(Target(f"refining {name}", statistics.median(rates), "images/s", 1200.0, on=AMX))
    for preset, share in results.waiting.items():
        found.append(Target(f"waiting for data, preset {preset}", 100 * share, "%", 5.0, at_least=False))
    if "simgan --help" in results.commands:
        seconds = statistics.median(results.commands["simgan --help"])
        found.append(Target("simgan --help", seconds, "s", 0.3, at_least=False))
    if results.gpu:
        found.append(Target("preset reference, whole, on a GPU", results.gpu["seconds"], "s", 60.0, at_least=False))
    return found
