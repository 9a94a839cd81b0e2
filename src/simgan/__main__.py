"""`python -m simgan`, and the `simgan` command."""

import sys

from simgan.command_line.main import main, stop_on_sigterm


def start() -> None:
    """Runs the command line and leaves with its exit code."""
    stop_on_sigterm()
    sys.exit(main())


if __name__ == "__main__":
    start()
