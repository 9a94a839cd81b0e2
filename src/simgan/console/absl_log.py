"""Hides log messages of libraries that a user can do nothing about."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_absl_warnings() -> Iterator[None]:
    """Silences the warnings of the logger `absl`, to which both Keras and grain write."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
