"""Every error that simgan raises on purpose.

Each message is one line that names the argument, the expected value, the received value and what to do about it. The
command line prints it unchanged.
"""

_MAX_LENGTH = 600  # characters of a message


def printable(text: str) -> str:
    """`text` on one line, with unprintable characters escaped. A text of more than 600 characters loses its middle."""
    shown, kept = escaped(text), _MAX_LENGTH // 2 - 3
    return shown if len(shown) <= _MAX_LENGTH else f"{shown[:kept]} ... {shown[-kept:]}"


def escaped(text: str) -> str:
    """`text` with each unprintable character replaced by its Python escape, such as '\\n'."""
    # Paths and the names inside files come from strangers: line ends and terminal codes in them must not reach a
    # terminal.
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class SimGANError(Exception):
    """Base of all errors below. The command line prints the message and exits with code 2."""

    def __init__(self, message: str) -> None:
        super().__init__(escaped(message))


class ConfigError(SimGANError):
    """A setting is out of range, or two settings contradict each other."""


class DataError(SimGANError, ValueError):
    """Images or labels are missing, unreadable or inconsistent."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class OutputError(DataError):
    """An output cannot be written, for example because the disk is full. The images and labels are not at fault."""


class RunError(SimGANError, RuntimeError):
    """A run folder cannot be created, written or opened."""


class HealthError(SimGANError, RuntimeError):
    """A training went wrong: a number is not finite, or the setting `strict` is on and an alarm was raised."""


class NotFiniteError(HealthError):
    """A loss or weight of a training is NaN or infinite. Resuming would reach the same number again."""


class EngineError(SimGANError, RuntimeError):
    """The Keras backend in use cannot do what was asked."""


# PyTorch raises a RuntimeError with the first text on a GPU and with the second on a CPU.
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in _OUT_OF_MEMORY)
