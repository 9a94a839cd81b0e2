"""Data sets made to do harm: to read other files, to take all memory, to run code, to garble a terminal."""

import io
import os
import pickle
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from soak.fuzz_sets import COLOUR, FLOATS, GAZE, PIXELS

_HUGE = ((2**20, 2**20), (2**40, 8, 8), (2, 2**20, 2**20), (2**63 - 1, 1, 1), (2**33, 1, 1), (9000, 9000, 400))
_TYPES = ("u1", "<u2", ">f4", "f8", "i4", "c8", "?", "S9", "V5", "O", "u1,f4", "M8[s]", "U3", "i1", "S0", "(2,)u1")
_NAMES = (
    "..",
    "../../x",
    "/etc/passwd",
    "a\nb",
    "\x1b[31mred\x07",
    "\u202egnp.exe",
    "\udcff",
    "A",
    "a",
    "\u00c5",
    "A\u030a",
    "n" * 4000,
    "",
    " ",
    "con",
    "%s%n{0}",
    "image",
    "'\"; rm",
)


def _name(draw: random.Random) -> str:
    return draw.choice(_NAMES)


def _hdf5(place: Path, fill: Callable[[h5py.File], None]) -> Path:
    with h5py.File(place / "set.h5", "w", libver="latest") as file:
        fill(file)
    return place / "set.h5"


def _links(draw: random.Random, place: Path) -> Path:
    """Every kind of link, at every depth, out of the file and round in it."""
    with h5py.File(place / "other.h5", "w") as other:
        other["image"] = PIXELS
        other["x/image/a"] = PIXELS[0]

    def fill(file: h5py.File) -> None:
        links = [h5py.ExternalLink("other.h5", draw.choice(["/", "/x", "/image"])), h5py.SoftLink("/image")]
        links += [h5py.SoftLink("nowhere"), h5py.ExternalLink("set.h5", "/"), h5py.ExternalLink("/dev/zero", "/")]
        for where in draw.sample(["x", "image", "image/a", "label", "label/a", "ext", "x/image"], 3):
            with suppress(Exception):  # below a link
                file[where] = draw.choice(links)
        with suppress(Exception):
            file[draw.choice(["image/b", "images", "image"])] = draw.choice([PIXELS, PIXELS[0]])

    return _hdf5(place, fill)


def _slash_in_a_name(draw: random.Random, place: Path) -> Path:
    """A link whose name is a path, which HDF5 itself would never write, through a link out of the file."""
    with h5py.File(place / "other.h5", "w") as other:
        other["a"] = PIXELS[0]
    with h5py.File(place / "set.h5", "w") as file:
        file["image/a"] = PIXELS[0]
        file["image/x"] = h5py.ExternalLink("other.h5", "/")
        file["image/x|a"] = PIXELS[0]
    content = (place / "set.h5").read_bytes()
    (place / "set.h5").write_bytes(content.replace(b"x|a", draw.choice([b"x/a", b"../", b"./a", b"///"])))
    return place / "set.h5"


def _cycle(draw: random.Random, place: Path) -> Path:
    def fill(file: h5py.File) -> None:
        group = file.create_group("image")
        for name in ("a", "b", "c")[: draw.randint(1, 3)]:
            group[name] = draw.choice([file["/"], group])
        file["label"] = draw.choice([file["/"], group])

    return _hdf5(place, fill)


def _elsewhere(draw: random.Random, place: Path) -> Path:
    """Images or labels in raw files and virtual data sets."""
    (place / "raw").write_bytes(PIXELS.tobytes())
    with h5py.File(place / "other.h5", "w") as other:
        other["image"] = PIXELS

    def put(file: h5py.File, name: str) -> None:
        kind = draw.choice(["plain", "raw", "virtual", "one", "keyed raw"])
        if kind in ("raw", "keyed raw"):
            raw = draw.choice([str(place / "raw"), "raw", "/dev/zero", "/etc/passwd", "nowhere"])
            name, shape = (name, PIXELS.shape) if kind == "raw" else (f"{name}/a", PIXELS.shape[1:])
            file.create_dataset(name, shape, "u1", external=[(raw, 0, int(np.prod(shape)))])
        elif kind == "virtual":
            layout = h5py.VirtualLayout(PIXELS.shape, "u1")
            layout[:] = h5py.VirtualSource(draw.choice(["other.h5", ".", "nowhere"]), "image", PIXELS.shape)
            file.create_virtual_dataset(name, layout)
        elif kind == "one":
            file[name] = 1
        else:
            file[name] = PIXELS

    def fill(file: h5py.File) -> None:
        put(file, "image")
        put(file, "label")

    return _hdf5(place, fill)


def _made_as(draw: random.Random, shape: tuple[int, ...]) -> dict[str, object]:
    """Chunks and filters for a data set of this shape."""
    chunks = draw.choice([None, True, tuple(min(n, 2**10) for n in shape), tuple(min(n, 2**29) for n in shape)])
    return {} if chunks is None else {"chunks": chunks, "compression": draw.choice([None, "gzip", "lzf"])}


def _nbytes(shape: tuple[int, ...], dtype: np.dtype) -> int:
    return int(np.prod(shape, dtype=object)) * dtype.itemsize


def _huge_hdf5(draw: random.Random, place: Path) -> Path:
    """Data sets that claim far more than the file holds: nothing at all, or one chunk."""
    shape = draw.choice(_HUGE)

    def fill(file: h5py.File) -> None:
        for name in draw.sample(["image", "image/a", "label", "label/a", "images"], 2):
            try:
                data = file.create_dataset(name, shape, draw.choice(["u1", "f8", "S100"]), **_made_as(draw, shape))
                # HDF5 itself cannot make larger chunks in the memory limit.
                if draw.random() < 0.3 and data.chunks and _nbytes(data.chunks, data.dtype) < 2**24:
                    data[(0,) * len(shape)] = 1
            except (ValueError, OSError, KeyError, RuntimeError, TypeError, OverflowError):
                continue  # more than HDF5 would make
        if "image" not in file:
            file["image"] = PIXELS

    return _hdf5(place, fill)


def _huge_label(draw: random.Random, place: Path) -> Path:
    """Beside sound images, a label that would take all memory."""

    def fill(file: h5py.File) -> None:
        keyed = draw.random() < 0.5
        rows = () if keyed else (len(PIXELS),)
        for index, pixels in enumerate(PIXELS if keyed else [PIXELS]):
            file[f"image/{index}" if keyed else "image"] = pixels
        for index in range(len(PIXELS) if keyed else 1):
            name = f"label/{index}" if keyed else "label"
            kind = draw.choice(["plane", "text", "cube"])
            if kind == "text":
                words = np.full(rows, "a", object)
                words[(0,) * len(rows)] = "b" * draw.choice([10, 2**20, 2**25])
                file.create_dataset(name, data=words, dtype=h5py.string_dtype())
            else:
                shape = (*rows, 2**20, 2**12) if kind == "plane" else (*rows, 2**20, 2**20, 2**10)
                file.create_dataset(
                    name, shape, draw.choice(["u1", "f8"]), chunks=(*rows, *(8,) * (len(shape) - len(rows)))
                )

    return _hdf5(place, fill)


def _shared_text(draw: random.Random, place: Path) -> Path:
    """One long text that a small file holds once, and names thousands of times."""

    def fill(file: h5py.File) -> None:
        count = 4096
        file["image"] = np.zeros((count, 2, 2), np.uint8)
        words = file.create_dataset("label", data=np.array(["b" * 2**20] + ["a"] * (count - 1), object))
        fill.start = words.id.get_offset()  # type: ignore[attr-defined]

    path = _hdf5(place, fill)
    content = bytearray(path.read_bytes())
    start = fill.start  # type: ignore[attr-defined]
    content[start : start + 16 * 4096] = content[start : start + 16] * 4096
    path.write_bytes(content)
    return path


def _bomb_hdf5(draw: random.Random, place: Path) -> Path:
    """A compressed chunk that unpacks to more than a chunk is."""
    packed = _zeros(draw.choice([2**20, 2**28, 2**31]), 15)

    def fill(file: h5py.File) -> None:
        name, shape = draw.choice([("image", (4, 8, 8)), ("image/a", (8, 8))])
        data = file.create_dataset(name, shape, "u1", chunks=shape, compression="gzip")
        data.id.write_direct_chunk((0,) * len(shape), packed)

    return _hdf5(place, fill)


def _types(draw: random.Random, place: Path) -> Path:
    """Images and labels of any type, in any of the array formats."""
    arrays = {}
    for name in ("image", "label"):
        kind = np.dtype(draw.choice(_TYPES))
        shape = draw.choice([(4, 3, 2), (4, 3, 2, 1), (4,), (), (0, 2, 2), (4, 0, 2), (1, 1, 1, 1, 1), (4, 2)])
        arrays[name] = (
            np.zeros(shape, kind) if kind.names or draw.random() < 0.5 else np.full(shape, b"7").astype(kind)
        )
    return _save(draw, place, arrays)


def _save(draw: random.Random, place: Path, arrays: dict[str, np.ndarray]) -> Path:
    kind = draw.choice(["h5", "keyed", "npy", "npz", "deflated"])
    if kind == "npy":
        np.save(place / "set.npy", arrays["image"])
        return place / "set.npy"
    if kind in ("npz", "deflated"):
        (np.savez if kind == "npz" else np.savez_compressed)(place / "set.npz", **arrays)
        return place / "set.npz"

    def fill(file: h5py.File) -> None:
        for name, values in arrays.items():
            try:
                if kind == "keyed" and values.ndim:
                    for index, value in enumerate(values):
                        file[f"{name}/{index}"] = value
                else:
                    file[name] = values
            except (TypeError, ValueError, KeyError, OSError):
                continue  # a type that h5py does not know

    return _hdf5(place, fill)


def _floats(draw: random.Random, place: Path) -> Path:
    """NaN, infinity, and the ends of each type."""
    kind = draw.choice(["f2", "f4", "f8"])
    images = FLOATS.astype(kind)
    ends = np.finfo(kind)
    for value in draw.sample([np.nan, np.inf, -np.inf, ends.max, ends.min, ends.tiny, -0.0], draw.randint(1, 3)):
        images[draw.randrange(len(images)), draw.randrange(9), draw.randrange(8)] = value
    return _save(draw, place, {"image": images, "label": images[:, 0]})


def _odd_types(draw: random.Random, place: Path) -> Path:
    """Types that only HDF5 has."""

    def fill(file: h5py.File) -> None:
        file["image"] = PIXELS
        special = [h5py.vlen_dtype("i4"), h5py.ref_dtype, h5py.regionref_dtype, h5py.enum_dtype({"a": 1, "b": 2})]
        special += [
            h5py.string_dtype(),
            h5py.string_dtype("ascii", 3),
            h5py.opaque_dtype("M8[s]"),
            np.dtype("(2,3)f4"),
        ]
        for name in ("label", "a" * draw.choice([1, 3000])):
            file.create_dataset(name, (5,), draw.choice(special))
        kind = draw.choice([h5py.h5t.UNIX_D32LE, h5py.h5t.STD_B8LE, h5py.h5t.create(h5py.h5t.OPAQUE, 9)])
        h5py.h5d.create(file.id, b"odd", kind, h5py.h5s.create_simple((5,)))
        h5py.h5d.create(file.id, b"null", h5py.h5t.STD_I32LE, h5py.h5s.create(h5py.h5s.NULL))
        file["type"] = np.dtype("u1")

    return _hdf5(place, fill)


def _names(draw: random.Random, place: Path) -> Path:
    """Names that no one would give, in HDF5 and .npz."""
    chosen = [_name(draw) for _ in range(5)]
    if draw.random() < 0.5:
        chosen = [name.replace("\udcff", "?") for name in chosen]  # no archive can hold this byte
        with zipfile.ZipFile(place / "set.npz", "w") as archive:
            for name in chosen:
                with suppress(Exception), archive.open(f"{name}.npy", "w") as member:
                    np.save(member, draw.choice([PIXELS, GAZE]))
        return place / "set.npz"

    def fill(file: h5py.File) -> None:
        for name in chosen:
            with suppress(Exception):  # what is refused when it is made does no harm
                low = name.replace("/", "|").encode("utf-8", "surrogateescape")
                group = file.require_group(draw.choice(["image", "label", "/"]))
                h5py.h5o.link(file.create_dataset(None, data=draw.choice([PIXELS, PIXELS[0]])).id, group.id, low)

    return _hdf5(place, fill)


def _folder_names(draw: random.Random, place: Path) -> Path:
    path = place / draw.choice(["set", "se\nt", "\x1b[2J", "s" * 200])
    path.mkdir()
    for _ in range(4):
        with suppress(Exception):  # what is refused when it is made does no harm
            target = path / (
                _name(draw).replace("/", "|")[-200:] + draw.choice([".png", ".PNG", ".\n", ".jpg", "/a.png"])
            )
            target.parent.mkdir(exist_ok=True)
            Image.fromarray(PIXELS[0]).save(target, format="PNG")
    return path


def _long_paths(draw: random.Random, place: Path) -> Path:
    path = place / draw.choice(["x" * 300, "a\0b", "x" * 5000, "set.h5/set.h5"])
    (place / "set.h5").write_bytes(b"x")
    return path


def _folder_links(draw: random.Random, place: Path) -> Path:
    """Links out of the folder, round in it, and things that are no files."""
    path = place / "set"
    (path / "sub").mkdir(parents=True)
    Image.fromarray(PIXELS[0]).save(path / "sound.png")
    Image.fromarray(PIXELS[0]).save(place / "outside.png")
    targets = ["/etc/passwd", "../outside.png", "sound.png", "link0.png", "nowhere", "/dev/zero", "sub", ".", ".."]
    for index in range(draw.randint(1, 3)):
        (path / f"link{index}.png").symlink_to(draw.choice(targets))
    if draw.random() < 0.2:
        os.mkfifo(path / "pipe.png")
    if draw.random() < 0.3:
        (place / "loop.h5").symlink_to(draw.choice(["loop.h5", "/dev/zero", "set"]))
        return place / "loop.h5"
    return path


def _png(width: int, height: int, bits: int, colour: int, data: bytes) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">2I5B", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def _huge_pictures(draw: random.Random, place: Path) -> Path:
    """A header that claims a picture of any size, with sound checksums and hardly any data."""
    (place / "set").mkdir()
    sides = (0, 1, 9, 9000, 20_000, 2**16 - 1, 2**20, 2**31 - 1, 2**31, 2**32 - 1)
    width, height = draw.choice(sides), draw.choice(sides)
    kind = draw.choice(["png", "bmp", "tif"])
    if kind == "png":
        bits, colour = draw.choice([1, 8, 16, 255]), draw.choice([0, 2, 3, 6, 9])
        content = _png(width, height, bits, colour, draw.choice([b"", zlib.compress(bytes(2**20)), _zeros(2**30, 15)]))
    elif kind == "bmp":
        head = struct.pack(
            "<I2I2H6I", 40, width, height, 1, draw.choice([1, 8, 24, 32]), draw.choice([0, 1, 3]), *[0] * 5
        )
        content = b"BM" + struct.pack("<3I", 99, 0, 54) + head + bytes(99)
    else:
        compression, bits = draw.choice([1, 5, 7, 8, 32773]), draw.choice([8, 16, 32, 64])
        strips = draw.choice([1, 2**16, 2**31 - 1])
        pairs = [
            (256, width),
            (257, height),
            (258, bits),
            (259, compression),
            (262, 1),
            (273, 8),
            (277, draw.choice([1, 3])),
        ]
        pairs += [(278, height), (279, strips), (339, draw.choice([1, 3]))]
        entries = b"".join(struct.pack("<2H2I", tag, 4, 1, value) for tag, value in pairs)
        after = draw.choice([0, 8])  # offset of the next picture in the file: none, or this picture again
        content = b"II*\0" + struct.pack("<IH", 8, len(pairs)) + entries + struct.pack("<I", after) + bytes(99)
    (place / f"set/a.{kind}").write_bytes(content)
    return place / "set"


def _several_pictures(draw: random.Random, place: Path) -> Path:
    """Animations and pages, under the name of a single picture or another format's."""
    (place / "set").mkdir()
    pictures = [Image.fromarray(pixels) for pixels in COLOUR]
    kind = draw.choice(["GIF", "PNG", "TIFF", "WEBP", "PPM", "ICO", "MPO"])
    many = {"save_all": True, "append_images": pictures[1:]} if kind not in ("PPM", "ICO") else {}
    pictures[0].save(place / f"set/a.{draw.choice(['png', 'jpg', 'tif', 'bmp'])}", format=kind, **many)
    return place / "set"


def _header(shape: object, descr: object, version: int = 1) -> bytes:
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return _raw_header(text, version)


def _raw_header(text: bytes, version: int = 1, length: int | None = None) -> bytes:
    size = struct.pack("<H" if version == 1 else "<I", len(text) if length is None else length)
    return b"\x93NUMPY" + bytes([version, 0]) + size + text


def _npy_header(draw: random.Random) -> bytes:
    """An .npy file whose header says anything."""
    shapes = [
        *_HUGE,
        (-1, -9, 8),
        (True, 9, 8),
        (2**70, 1, 1),
        (5, 9, 8),
        (2.0, 9, 8),
        "x",
        (),
        (2**31, 0, 1),
        (5, 2**60),
    ]
    types = [
        *_TYPES,
        "|O",
        "<f16",
        "no",
        [("a", "u1")],
        [("a", [("b", "O")])],
        ("u1", (2, 2)),
        {},
        7,
        "a5",
        "U999999999",
    ]
    hostile = [
        b"(" * 9000 + b")" * 9000,
        b"[" * 9000,
        b"-" * 9000 + b"1",
        b"{'descr': 'u1', 1: 2, 'shape': (1,)}\n",
        b"{'descr': 'u1', 'fortran_order': 7, 'shape': (5, 9, 8)}\n",
        b"{'descr': 'u1', 'fortran_order': False, 'shape': (5L, 9L, 8L)}\n",
        b"{'descr': 'u1'}\n\x00\xff",
        b"'''",
        b"9" * 9999,
        b"{'descr': [('a', 'u1')] * 99999999}\n",
        b" " * 60_000 + b"{}",
        b"{'descr': '\xff'}",
        b"",
    ]
    if draw.random() < 0.5:
        start = _header(draw.choice(shapes), draw.choice(types), draw.choice([1, 2]))
    else:
        version = draw.choice([1, 2, 3])
        text = draw.choice(hostile)
        length = draw.choice([None, None, 2**16 - 1 if version == 1 else draw.choice([2**32 - 1, 2**31])])
        start = _raw_header(text, version, min(length, 2**16 - 1) if version == 1 and length else length)
    return start + draw.choice([b"", PIXELS.tobytes(), pickle.dumps([print] * 9), FLOATS.tobytes()])


def _npy_headers(draw: random.Random, place: Path) -> Path:
    (place / "set.npy").write_bytes(_npy_header(draw))
    return place / "set.npy"


def _npz_headers(draw: random.Random, place: Path) -> Path:
    """Such headers for the images or for a label of an archive."""
    sound = io.BytesIO()
    np.save(sound, PIXELS)
    compression = draw.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
    with zipfile.ZipFile(place / "set.npz", "w", compression) as archive:
        archive.writestr("image.npy", draw.choice([_npy_header(draw), sound.getvalue(), sound.getvalue()]))
        archive.writestr("label.npy", draw.choice([_npy_header(draw), _header((5, 2**50), "f8"), sound.getvalue()]))
        archive.writestr("objects.npy", _header((5,), "|O") + pickle.dumps([print] * 5))
    return place / "set.npz"


def _zeros(count: int, window: int) -> bytes:
    """`count` zero bytes, a multiple of 1 MiB, deflated (window -15: without head and end), quickly."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    stream = block * (count >> 20) + zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    return stream if window < 0 else b"\x78\xda" + stream + struct.pack(">I", (count % 65521) << 16 | 1)


def _zip_sizes(draw: random.Random, place: Path) -> Path:
    """Members that claim to be larger or smaller than they are, among them bombs of gigabytes."""
    shape = draw.choice([(5, 9, 8), (5, 2**15, 2**15), (5 * 2**10, 2**10, 2**10)])
    claimed = _header(shape, "u1")
    with zipfile.ZipFile(place / "set.npz", "w") as archive:
        names = ["image.npy", "label.npy"]
        draw.shuffle(names)
        with archive.open(names[0], "w") as member:
            np.save(member, PIXELS)
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        start = packer.compress(claimed) + packer.flush(zlib.Z_FULL_FLUSH)
        with archive.open(names[1], "w") as member:
            member.write(start + _zeros(draw.choice([2**20, 2**28, 5 * 2**30]), -15))
        info = archive.getinfo(names[1])
        info.compress_type = zipfile.ZIP_DEFLATED
        right = len(claimed) + int(np.prod(shape, dtype=object))
        info.file_size = draw.choice([right, right, right, 2**40, 2**62, 0, 7, len(claimed)])
        if draw.random() < 0.2:
            info.compress_size = draw.choice([0, 9, 2**32, 2**60])
        if draw.random() < 0.2:
            info.flag_bits = draw.choice([1, 8, 2**11, 2**6])
        if draw.random() < 0.1:
            info.header_offset = draw.choice([0, 2**33, 7])
        if draw.random() < 0.1:
            info.compress_type = draw.choice([9, 12, 14, 93, 99])
    return place / "set.npz"


def _many_members(draw: random.Random, place: Path) -> Path:
    """More labels beside the images than one line can name."""
    if draw.random() < 0.5:
        with zipfile.ZipFile(place / "set.npz", "w") as archive:
            for index in range(400):
                with archive.open(f"{index} {_name(draw)!a}.npy", "w") as member:
                    np.save(member, PIXELS if index == 0 else GAZE[:3])
        return place / "set.npz"
    return _hdf5(place, lambda file: file.update({"image": PIXELS} | {f"{i:0>50}": GAZE[:3] for i in range(400)}))


HOSTILE: dict[str, Callable[[random.Random, Path], Path]] = {
    "links": _links,
    "slash in a name": _slash_in_a_name,
    "cycle": _cycle,
    "elsewhere": _elsewhere,
    "huge hdf5": _huge_hdf5,
    "huge label": _huge_label,
    "shared text": _shared_text,
    "hdf5 bomb": _bomb_hdf5,
    "types": _types,
    "floats": _floats,
    "odd types": _odd_types,
    "names": _names,
    "folder names": _folder_names,
    "long paths": _long_paths,
    "folder links": _folder_links,
    "huge pictures": _huge_pictures,
    "several pictures": _several_pictures,
    "npy headers": _npy_headers,
    "npz headers": _npz_headers,
    "zip sizes": _zip_sizes,
    "many members": _many_members,
}
