"""Every error that simgan raises on purpose.

A message is one line and names the argument, what was expected, what was received and the way out, so that
the command line can print it as it stands.
"""

_LONGEST = 600


def printable(text: str) -> str:
    """`text` on one line: what is no printable character escaped, and beyond 600 characters the middle left out."""
    shown, kept = escaped(text), _LONGEST // 2 - 3
    return shown if len(shown) <= _LONGEST else f"{shown[:kept]} ... {shown[-kept:]}"


def escaped(text: str) -> str:
    """`text` with what is no printable character as Python writes it."""
    # Paths and names in files are other people's: their line ends and escape sequences must not reach a terminal.
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class SimGANError(Exception):
    """Base of all errors below. The command line prints the message and exits with code 2."""

    def __init__(self, message: str) -> None:
        super().__init__(escaped(message))


class ConfigError(SimGANError):
    """A setting is out of range, or two settings contradict each other."""


class DataError(SimGANError, ValueError):
    """Images or labels are missing, unreadable, or do not fit together."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class OutputError(DataError):
    """An output cannot be written: the disk is full, say. The images and labels are not at fault."""


class RunError(SimGANError, RuntimeError):
    """A run folder cannot be created, written or opened."""


class HealthError(SimGANError, RuntimeError):
    """A training is not well: numbers are not finite, or an alarm was raised and `strict` asked to stop at one."""


class NotFiniteError(HealthError):
    """A number of a training is NaN or infinite: going on would meet it again."""


class EngineError(SimGANError, RuntimeError):
    """The Keras backend in use cannot do what was asked."""


# How PyTorch says it, in a RuntimeError, of a GPU and of a CPU.
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in _OUT_OF_MEMORY)
