"""The `demo` command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Demo:
    """Show what SimGAN does, without any data of yours: render eyes, train, refine, score and write the report."""

    out: Path = Path("demo")
    """Folder to create."""
    seed: int = 0
    """Seed of everything random."""
    full: bool = False
    """Run the whole demo: 14,000 eyes, 1,000 adversarial steps, and estimators with three seeds. Without --full, the
    demo is a first look with wide intervals."""

    def run(self, console: Console) -> int:
        """Runs the demo."""
        from simgan.command_line.tables import show_evaluation
        from simgan.demo import FULL, SHORT, run_demo

        show_evaluation(run_demo(self.out, self.seed, console, FULL if self.full else SHORT), console)
        return 0
