"""Names of images, in sequences that need few bytes a name or none: a data set may have millions of images."""

from __future__ import annotations

from abc import abstractmethod
from array import array
from collections.abc import Sequence
from typing import SupportsIndex, overload


class Names(Sequence[str]):
    """A sequence that makes each name when it is asked for. It is equal to any sequence of the same names."""

    @abstractmethod
    def _name(self, index: int) -> str:
        """Name 0 <= index < N."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...

    def __getitem__(self, index: SupportsIndex | slice) -> str | tuple[str, ...]:
        chosen = range(len(self))[index]
        return self._name(chosen) if isinstance(chosen, int) else tuple(map(self._name, chosen))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(mine == its for mine, its in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]


class IndexNames(Names):
    """The names '000', '001', ...: `count` indices, zero-padded to one width so that names sort like numbers."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._width = len(str(count - 1))

    def __len__(self) -> int:
        return self._count

    def _name(self, index: int) -> str:
        return f"{index:0{self._width}d}"


class PackedNames(Names):
    """Names joined in one buffer of UTF-8 bytes, a tenth of the memory of a tuple of str.

    Bytes that are not valid UTF-8 become surrogate characters.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ends = array("Q", [0])

    def append(self, name: bytes) -> None:
        """Adds a name at the end."""
        self._bytes += name
        self._ends.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def encoded(self, index: int) -> bytes:
        """The bytes of name 0 <= index < N, as given to `append`."""
        return bytes(self._bytes[self._ends[index] : self._ends[index + 1]])

    def _name(self, index: int) -> str:
        return self.encoded(index).decode("utf-8", "surrogateescape")

    def __eq__(self, other: object) -> bool:
        if isinstance(other, PackedNames):
            return self._ends == other._ends and self._bytes == other._bytes
        return super().__eq__(other)

    __hash__ = None
