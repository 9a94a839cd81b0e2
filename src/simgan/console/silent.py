"""A console that prints nothing: the default console of simgan's Python functions."""

from rich.console import Console

SILENT = Console(quiet=True)
