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

    def run(self, console: Console) -> int:
        """Runs the demo."""
        from simgan.command_line.tables import show_evaluation
        from simgan.demo import run_demo

        show_evaluation(run_demo(self.out, self.seed, console), console)
        return 0
