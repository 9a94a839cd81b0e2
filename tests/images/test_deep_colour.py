"""16-bit colour, made byte by byte."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from simgan.errors import DataError
from simgan.images import open_images, write_like


def png(pixels, *extra):
    """A PNG of (H, W, 3 or 4) uint16 `pixels`, without filters, with the chunks `extra`."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 16, {3: 2, 4: 6}[channels], 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels))
    chunks = ((b"IHDR", header), *extra, (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)


def png_pixels(content):
    """The (H, W, C) uint16 pixels of a PNG; filters none, sub, up, average and Paeth are undone here."""
    place, data = 8, b""
    while place < len(content):
        size, name = struct.unpack(">I4s", content[place : place + 8])
        body = content[place + 8 : place + 8 + size]
        if name == b"IHDR":
            width, height, bits, colour = struct.unpack(">IIBB", body[:10])
        data += body if name == b"IDAT" else b""
        place += size + 12
    assert bits == 16
    step = 2 * {2: 3, 6: 4}[colour]
    raw, above, rows = zlib.decompress(data), [0] * (width * step), []
    for start in range(0, len(raw), width * step + 1):
        kind, line = raw[start], list(raw[start + 1 : start + 1 + width * step])
        for i, value in enumerate(line):
            left, corner = (line[i - step], above[i - step]) if i >= step else (0, 0)
            nearest = min((left, above[i], corner), key=lambda one: abs(left + above[i] - corner - one))
            line[i] = (value + (0, left, above[i], (left + above[i]) // 2, nearest)[kind]) % 256
        above = line
        rows.append(bytes(line))
    return np.frombuffer(b"".join(rows), ">u2").reshape(height, width, step // 2)


@pytest.mark.parametrize("channels", [3, 4])
def test_png_is_read_and_written_at_full_depth_and_alpha_stays(tmp_path, channels):
    pixels = np.random.default_rng(0).integers(0, 65536, (5, 7, channels)).astype(np.uint16)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_bytes(png(pixels, (b"gAMA", struct.pack(">I", 45455))))
    with open_images(tmp_path / "in") as source, write_like(source, tmp_path / "out") as writer:
        np.testing.assert_array_equal(source[0], pixels[..., :3])
        writer.write(0, 65535 - source[0])
    written = png_pixels((tmp_path / "out/a.png").read_bytes())
    np.testing.assert_array_equal(written[..., :3], 65535 - pixels[..., :3])
    np.testing.assert_array_equal(written[..., 3:], pixels[..., 3:])


def tiff(pixels):
    """A little-endian TIFF of one strip of (H, W, 3) uint16 `pixels`."""
    height, width, _ = pixels.shape
    tags = {256: (3, width), 257: (3, height), 259: (3, 1), 262: (3, 2), 277: (3, 3), 278: (3, height), 284: (3, 1)}
    bits = 8 + 2 + 12 * (len(tags) + 3) + 4
    entries = [(tag, kind, 1, value) for tag, (kind, value) in tags.items()]
    entries += [(258, 3, 3, bits), (273, 4, 1, bits + 6), (279, 4, 1, pixels.nbytes)]
    ifd = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    head = b"II*\0" + struct.pack("<IH", 8, len(entries)) + ifd + bytes(4) + struct.pack("<HHH", 16, 16, 16)
    return head + pixels.astype("<u2").tobytes()


def test_tiff_is_read_and_written_at_full_depth(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 65536, (5, 7, 3)).astype(np.uint16)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.tif").write_bytes(tiff(pixels))
    with open_images(tmp_path / "in") as source, write_like(source, tmp_path / "out") as writer:
        np.testing.assert_array_equal(source[0], pixels)
        writer.write(0, 65535 - source[0])
    content = (tmp_path / "out/a.tif").read_bytes()
    assert (65535 - pixels).astype("<u2").tobytes() in content  # uncompressed, as the input
    with Image.open(tmp_path / "out/a.tif") as after:
        np.testing.assert_array_equal(np.asarray(after), (65535 - pixels) >> 8)


def test_a_colour_marked_as_transparent_is_refused(tmp_path, message):
    pixels = np.zeros((5, 7, 3), np.uint16)
    (tmp_path / "a.png").write_bytes(png(pixels, (b"tRNS", bytes(6))))
    with pytest.raises(DataError) as caught:
        open_images(tmp_path)
    assert "8 bits" in message(caught.value)


def test_grey_of_16_bits_becomes_colour_of_16_bits(tmp_path):
    grey = np.random.default_rng(0).integers(0, 65536, (5, 7)).astype(np.uint16)
    (tmp_path / "in").mkdir()
    Image.fromarray(grey).save(tmp_path / "in/a.png")
    with open_images(tmp_path / "in", channels=3) as source, write_like(source, tmp_path / "out") as writer:
        writer.write(0, source[0])
    np.testing.assert_array_equal(png_pixels((tmp_path / "out/a.png").read_bytes()), np.dstack([grey] * 3))
