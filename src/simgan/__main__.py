"""`python -m simgan`, and the `simgan` command."""

import sys

from simgan.cli import main


def start() -> None:
    """Runs the command line and leaves with its exit code."""
    sys.exit(main())


if __name__ == "__main__":
    start()
