"""Every error that simgan raises on purpose.

A message is one line and names the argument, what was expected, what was received and the way out, so that
the command line can print it as it stands.
"""


class SimGANError(Exception):
    """Base of all errors below. The command line prints the message and exits with code 2."""


class ConfigError(SimGANError):
    """A setting is out of range, or two settings contradict each other."""


class DataError(SimGANError, ValueError):
    """Images or labels are missing, unreadable, or do not fit together."""


class RunError(SimGANError, RuntimeError):
    """A run folder cannot be created, written or opened."""


class HealthError(SimGANError, RuntimeError):
    """A training is not well: numbers are not finite, or an alarm was raised and `strict` asked to stop at one."""


class EngineError(SimGANError, RuntimeError):
    """The Keras backend in use cannot do what was asked."""
