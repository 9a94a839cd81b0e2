"""Damage to the bytes and the names of a data set, drawn at random."""

import random
import struct
import zlib
from pathlib import Path

from soak.fuzz_sets import files_of

_EXTREMES = (0, 1, 2**7, 2**8 - 1, 2**15, 2**16 - 1, 2**20, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1)
_SUFFIXES = (".png", ".jpg", ".tif", ".bmp", ".h5", ".hdf5", ".npy", ".npz", ".PNG", ".gif", "", ".txt\n.png")
# Damage to headers finds the most faults: it is as frequent as damage to everything behind them.
_HEADER = 1024


def damage_bytes(draw: random.Random, content: bytes, other: bytes) -> bytes:
    """`content` after one to four kinds of damage; a splice continues with bytes of `other`."""
    for _ in range(draw.randint(1, 4)):
        content = draw.choice(_DAMAGES)(draw, content, other)
    return content


def _place(draw: random.Random, content: bytes) -> int:
    return draw.randrange(max(1, min(len(content), draw.choice([_HEADER, len(content)]))))


def _flip(draw: random.Random, content: bytes, other: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(draw.randint(1, 8) if content else 0):
        changed[_place(draw, content)] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _cut(draw: random.Random, content: bytes, other: bytes) -> bytes:
    return content[: _place(draw, content)]


def _insert(draw: random.Random, content: bytes, other: bytes) -> bytes:
    at = _place(draw, content)
    return content[:at] + draw.randbytes(draw.randint(1, 64)) + content[at:]


def _duplicate(draw: random.Random, content: bytes, other: bytes) -> bytes:
    at = _place(draw, content)
    end = at + draw.randint(1, 512)
    return content[:end] + content[at:]


def _fill(draw: random.Random, content: bytes, other: bytes) -> bytes:
    at = _place(draw, content)
    filled = content[at : at + draw.randint(1, 256)]
    return content[:at] + draw.choice([b"\0", b"\xff"]) * len(filled) + content[at + len(filled) :]


def _extreme(draw: random.Random, content: bytes, other: bytes) -> bytes:
    width = draw.choice([1, 2, 4, 8])
    number = (draw.choice(_EXTREMES) % 2 ** (8 * width)).to_bytes(width, draw.choice(["little", "big"]))
    at = _place(draw, content)
    return content[:at] + number + content[at + width :]


def _splice(draw: random.Random, content: bytes, other: bytes) -> bytes:
    return content[: _place(draw, content)] + other[_place(draw, other) :]


def _mend_png(draw: random.Random, content: bytes, other: bytes) -> bytes:
    """Corrects the checksums of a PNG, so that the damage is not found by them alone."""
    mended, at = bytearray(content), 8
    while content.startswith(b"\x89PNG") and at + 12 <= len(content):
        end = at + 8 + struct.unpack_from(">I", content, at)[0]
        if end + 4 <= len(content):
            struct.pack_into(">I", mended, end, zlib.crc32(mended[at + 4 : end]))
        at = end + 4
    return bytes(mended)


_DAMAGES = (_flip, _flip, _cut, _insert, _duplicate, _fill, _extreme, _extreme, _splice, _mend_png)


def damage_set(draw: random.Random, path: Path, others: list[bytes]) -> Path:
    """Damages a data set in place and returns its path, which may be new. `others`: files of other sets."""
    files = files_of(path)
    for file in draw.sample(files, draw.randint(1, len(files))):
        if draw.random() < 0.9:
            file.write_bytes(damage_bytes(draw, file.read_bytes(), draw.choice(others)))
        elif draw.random() < 0.5:
            file.write_bytes(draw.choice(others))
        else:
            renamed = file.with_name(file.stem + draw.choice(_SUFFIXES))
            file.rename(renamed)
            path = renamed if file == path else path
    return path
