"""Names of images, of which there may be millions: sequences that take no or few bytes a name."""

from __future__ import annotations

from abc import abstractmethod
from array import array
from collections.abc import Sequence
from typing import SupportsIndex, overload


class Names(Sequence[str]):
    """A sequence of names, made on use. It equals another sequence of the same names."""

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
    """'000', '001', ...: `count` indices, zero-padded to one width so that they sort as numbers do."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._width = len(str(count - 1))

    def __len__(self) -> int:
        return self._count

    def _name(self, index: int) -> str:
        return f"{index:0{self._width}d}"


class PackedNames(Names):
    """UTF-8 names end to end: a tuple of str takes ten times as much. Bytes that are no UTF-8 become surrogates."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ends = array("Q", [0])

    def append(self, name: bytes) -> None:
        """Add one at the end."""
        self._bytes += name
        self._ends.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def encoded(self, index: int) -> bytes:
        """Name 0 <= index < N as it was appended."""
        return bytes(self._bytes[self._ends[index] : self._ends[index + 1]])

    def _name(self, index: int) -> str:
        return self.encoded(index).decode("utf-8", "surrogateescape")

    def __eq__(self, other: object) -> bool:
        if isinstance(other, PackedNames):
            return self._ends == other._ends and self._bytes == other._bytes
        return super().__eq__(other)

    __hash__ = None
