"""Printing lines of text that may contain paths and other text from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simgan.errors import escaped

if TYPE_CHECKING:
    from rich.console import Console


def print_line(console: Console, text: str) -> None:
    """Prints one line: `text` is not read as rich markup, is not wrapped, and its control characters are escaped."""
    console.print(escaped(text), markup=False, highlight=False, soft_wrap=True)
