"""The `report` command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from simgan.console.printing import print_line

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Report:
    """Write RUN/report.html: settings, curves, pictures, and the results of `simgan evaluate` and `simgan turing`."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """The --out folder of a finished training."""

    def run(self, console: Console) -> int:
        """Writes the page."""
        from simgan.report import write_report
        from simgan.runs.run import Run

        print_line(console, f"{write_report(Run.open(self.run_folder))}")
        return 0
