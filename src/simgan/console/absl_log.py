"""Keeps remarks of libraries that no user can act on out of the output."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_absl_warnings() -> Iterator[None]:
    """Silences warnings of the logger that Keras and grain share."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
