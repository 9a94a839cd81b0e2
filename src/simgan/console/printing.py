"""What commands print: lines that hold other people's words, such as paths, as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simgan.errors import escaped

if TYPE_CHECKING:
    from rich.console import Console


def say(console: Console, text: str) -> None:
    """Prints a line. Nothing in it is markup, no line is broken, and control characters are escaped."""
    console.print(escaped(text), markup=False, highlight=False, soft_wrap=True)
