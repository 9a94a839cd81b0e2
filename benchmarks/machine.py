"""Describes the machine."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

_FEATURES = {"amx_bf16": "AMX bfloat16", "avx512_bf16": "AVX-512 bfloat16", "avx512f": "AVX-512", "avx2": "AVX2"}


@dataclass(frozen=True)
class Machine:
    """The machine on which figures were measured."""

    processor: str
    cores: int
    features: tuple[str, ...]
    """Keys of `_FEATURES` that the processor has."""
    memory: float
    """GiB."""
    versions: str

    @property
    def has_amx(self) -> bool:
        """Whether the processor multiplies matrices in bfloat16."""
        return "amx_bf16" in self.features

    def describe(self) -> str:
        """One sentence."""
        features = ", ".join(_FEATURES[name] for name in self.features) or "none of " + ", ".join(_FEATURES.values())
        amx = "" if self.has_amx else "; no AMX"
        cores = f"{self.cores} core{'s' if self.cores > 1 else ''}"
        return f"{self.processor}, {cores} ({features}{amx}), {self.memory:.0f} GiB of memory. {self.versions}."


def this_machine() -> Machine:
    """Describes this machine, from what the system reports."""
    facts = _cpuinfo()
    flags = facts.get("flags", "").split()
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "keras", "numpy"))
    return Machine(
        processor=_name(facts),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        features=tuple(name for name in _FEATURES if name in flags),
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30,
        versions=f"{platform.system()}, Python {platform.python_version()}, {packages}",
    )


def _name(facts: dict[str, str]) -> str:
    name = facts.get("model name") or platform.processor() or platform.machine()
    # Virtual machines only say 'Intel Xeon Processor'; family and model tell which processor it is.
    if "cpu family" in facts and "model" in facts:
        name += f" (family {facts['cpu family']}, model {facts['model']})"
    return " ".join(name.split())


def _cpuinfo() -> dict[str, str]:
    """Facts about the first core; empty where the system has no /proc/cpuinfo."""
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return {}
    first = path.read_text(encoding="utf-8").split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}
