"""Measures simgan against the textbook loop, in turn in one run, then prints and writes the tables.

make bench
python -m benchmarks.bench --textbook .venv-textbook/bin/python --out runs/bench
"""

import datetime
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import tyro

from benchmarks import measure
from benchmarks.data import HEIGHT, WIDTH, make_data
from benchmarks.machine import this_machine
from benchmarks.plot import draw_cost
from benchmarks.table import markdown

Part = Literal["agreement", "pairs", "presets", "peaks", "refining", "cost", "commands", "gpu"]
PARTS: tuple[Part, ...] = ("agreement", "pairs", "presets", "peaks", "refining", "cost", "commands", "gpu")


@dataclass(frozen=True)
class Bench:
    """Measure simgan against the textbook loop: up to 15 minutes on two cores. Let nothing else run meanwhile."""

    out: Path
    """Folder for performance-tables.md and performance-cost.png; made if missing."""
    textbook: Path = Path(".venv-textbook/bin/python")
    """The Python of the environment of benchmarks/textbook-requirements.txt."""
    only: tuple[Part, ...] = PARTS
    """The parts to measure."""
    quick: bool = False
    """Small batches and few steps: to see that everything runs, not how fast."""

    def run(self) -> None:
        """Measures part after part."""
        plan = measure.QUICK if self.quick else measure.WHOLE
        self.out.mkdir(parents=True, exist_ok=True)
        textbook = self.textbook.absolute()  # not resolved: Python finds its environment by the path of the link
        results = measure.Results()
        with TemporaryDirectory() as name:
            folder = Path(name)
            data = make_data(folder, plan.images)
            parts = {
                "agreement": lambda: measure.measure_agreement(textbook, folder, results),
                "pairs": lambda: measure.measure_pairs(plan, data, textbook, results),
                "presets": lambda: measure.measure_presets(plan, data, results),
                "peaks": lambda: measure.measure_peaks(results),
                "refining": lambda: measure.measure_refining(plan, data, results),
                "cost": lambda: measure.measure_cost(plan, textbook, results),
                "commands": lambda: measure.measure_commands(plan, data, results),
                "gpu": lambda: measure.measure_gpu(data, results),
            }
            for part, run in parts.items():
                if part in self.only:
                    print(f"measuring {part} ...", file=sys.stderr, flush=True)
                    run()
                    self._write(results, plan)  # after each, so that an interruption loses little
        print(self._write(results, plan))

    def _write(self, results: measure.Results, plan: measure.Plan) -> str:
        command = shlex.join(["python", "-m", "benchmarks.bench", *sys.argv[1:]])
        today = datetime.date.today().isoformat()
        heading = f"# Performance\n\nWritten by `{command}` on {today}."
        text = markdown(results, this_machine(), heading, plan.batch, HEIGHT, WIDTH)
        (self.out / "performance-tables.md").write_text(text, encoding="utf-8")
        if results.cost:
            draw_cost(results, plan, self.out / "performance-cost.png")
        return text


if __name__ == "__main__":
    tyro.cli(Bench, description=Bench.__doc__).run()
