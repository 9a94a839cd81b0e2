"""A console that prints nothing: the default of whatever is called from Python."""

from rich.console import Console

SILENT = Console(quiet=True)
