"""Image files made with Pillow or byte by byte."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from simgan.errors import DataError
from simgan.images import open_images, picture

RANDOM = np.random.default_rng(0)


def pixels(dtype, channels):
    shape = (5, 7) if channels == 1 else (5, 7, channels)
    if np.dtype(dtype).kind == "f":
        return RANDOM.random(shape).astype(dtype)
    return RANDOM.integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


def png(width, height, bits, colour, rows):
    """A PNG written by hand, without filters: Pillow cannot write 16-bit colour."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("extension", "dtype", "channels", "options"),
    [
        *[("png", "u1", channels, {}) for channels in (1, 2, 3, 4)],
        *[("tif", "u1", channels, {"compression": "tiff_lzw"}) for channels in (1, 2, 3, 4)],
        *[("bmp", "u1", channels, {}) for channels in (1, 3)],
        ("png", "u2", 1, {}),
        ("tiff", "u2", 1, {}),
        ("tiff", ">u2", 1, {}),
        ("tiff", "u2", 1, {"compression": "tiff_adobe_deflate"}),
        ("tif", "f4", 1, {}),
        ("tif", "f4", 1, {"compression": "packbits"}),
    ],
)
def test_lossless_formats_there_and_back(tmp_path, extension, dtype, channels, options):
    values = pixels(dtype, channels)
    like, target = tmp_path / f"a.{extension}", tmp_path / f"b.{extension}"
    Image.fromarray(values).save(like, **options)
    image = picture.read(like, "image")
    colours = channels - (channels in (2, 4))
    assert image.shape == (5, 7, colours)
    assert image.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal(image, values.reshape(5, 7, channels)[..., :colours])
    assert picture.size(like, "image") == (5, 7)

    other = image[::-1].copy()
    target.write_bytes(picture.encode(other, like, "image"))
    with Image.open(like) as before, Image.open(target) as after:
        # Big-endian TIFFs come out little-endian.
        assert after.mode == before.mode.replace("I;16B", "I;16")
        assert after.format == before.format
        assert after.info.get("compression") == before.info.get("compression")
        expected = np.asarray(before).reshape(5, 7, channels).copy()
        expected[..., :colours] = expected[::-1, :, :colours]  # alpha stays where it was
        np.testing.assert_array_equal(np.asarray(after).reshape(5, 7, channels), expected)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_is_written_at_quality_95_without_subsampling(tmp_path, mode):
    smooth = np.add.outer(np.arange(32), np.arange(32)).astype(np.uint8) * 3
    Image.fromarray(smooth).convert(mode).save(tmp_path / "a.jpg", quality=50)
    image = picture.read(tmp_path / "a.jpg", "image")
    (tmp_path / "b.jpg").write_bytes(picture.encode(image, tmp_path / "a.jpg", "image"))
    Image.fromarray(image.squeeze()).save(tmp_path / "c.jpg", quality=95, subsampling=0)
    assert (tmp_path / "b.jpg").read_bytes() == (tmp_path / "c.jpg").read_bytes()
    assert np.abs(picture.read(tmp_path / "b.jpg", "image").astype(int) - image).max() <= 8


def test_exif_and_profile_go_along_and_nothing_is_turned(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    values = pixels("u1", 3)
    Image.fromarray(values).save(tmp_path / "a.png", exif=exif, icc_profile=b"a profile")
    np.testing.assert_array_equal(picture.read(tmp_path / "a.png", "image"), values)
    assert picture.remarks(tmp_path / "a.png", "image") == (
        "have an EXIF orientation, which is ignored: their pixels are used as stored",
    )
    (tmp_path / "b.png").write_bytes(picture.encode(values, tmp_path / "a.png", "image"))
    with Image.open(tmp_path / "b.png") as after:
        assert after.getexif()[0x0112] == 6
        assert after.info["icc_profile"] == b"a profile"


@pytest.mark.parametrize(
    ("name", "kind", "fitting"),
    [("a.png", "JPEG", ".jpg or .jpeg"), ("a.JPG", "PNG", ".png"), ("a.bmp", "TIFF", ".tif")],
)
def test_a_picture_of_another_format_than_its_name_says_is_refused(tmp_path, name, kind, fitting, message):
    Image.fromarray(pixels("u1", 1)).save(tmp_path / name, format=kind)
    with pytest.raises(DataError) as caught:
        open_images(tmp_path)
    for words in (f"'{name}'", f"received {kind}", f"rename it to end in {fitting}"):
        assert words in message(caught.value)
    Image.fromarray(pixels("u1", 1)).save(tmp_path / "b.png")
    with open_images(tmp_path, on_bad_image="skip") as source:
        assert list(source.names) == ["b.png"]


@pytest.mark.parametrize(
    ("mode", "extension", "words"),
    [
        ("1", "png", ["'1'", "label mask", "--images", "8-bit grey"]),
        ("P", "png", ["'P'", "label masks", "--images", "RGB"]),
        ("CMYK", "jpg", ["'CMYK'", "convert('RGB')"]),
        ("I", "tif", ["'I'", "uint16"]),
        ("LAB", "tif", ["'LAB'"]),
    ],
)
def test_other_modes_say_how_to_convert(tmp_path, mode, extension, words, message):
    Image.new(mode, (4, 4)).save(tmp_path / f"a.{extension}")
    with pytest.raises(DataError) as caught:
        open_images(tmp_path)
    assert all(word in message(caught.value) for word in [f"'a.{extension}'", *words])


@pytest.mark.parametrize(
    ("bits", "colour", "row"),
    [(16, 4, b"\x12\x34" * 4), (2, 0, b"\x10"), (4, 0, b"\x12")],
)
def test_depths_that_pillow_would_change(tmp_path, bits, colour, row, message):
    (tmp_path / "a.png").write_bytes(png(2, 1, bits, colour, [row]))
    with pytest.raises(DataError) as caught:
        open_images(tmp_path)
    assert f"{bits} bits" in message(caught.value)
    assert "'a.png'" in str(caught.value)


def test_the_hand_made_png_is_sound(tmp_path):
    (tmp_path / "a.png").write_bytes(png(2, 1, 8, 0, [b"\x01\xff"]))
    np.testing.assert_array_equal(picture.read(tmp_path / "a.png", "image")[..., 0], [[1, 255]])


@pytest.mark.parametrize("extension", ["png", "tif"])
def test_several_frames(tmp_path, extension, message):
    frames = [Image.fromarray(pixels("u1", 1)) for _ in range(3)]
    frames[0].save(tmp_path / f"a.{extension}", save_all=True, append_images=frames[1:])
    with pytest.raises(DataError) as caught:
        open_images(tmp_path)
    assert "received 3" in message(caught.value)


@pytest.mark.parametrize("extension", ["png", "jpg", "tif", "bmp"])
@pytest.mark.parametrize("part", [0.0, 0.02, 0.5])
def test_truncated_images(tmp_path, extension, part, message):
    path = tmp_path / f"a.{extension}"
    Image.fromarray(RANDOM.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(DataError) as caught:
        open_images(tmp_path)
    assert f"'a.{extension}'" in message(caught.value)
    assert ("empty file" in str(caught.value)) == (part == 0)


def test_only_four_decoders_are_tried(tmp_path, message):
    Image.fromarray(pixels("u1", 3)).save(tmp_path / "a.png", format="WEBP")
    with pytest.raises(DataError) as caught:
        open_images(tmp_path)
    assert "PNG/JPEG/TIFF/BMP" in message(caught.value)


@pytest.mark.parametrize("factor", [1, 3])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_bombs(tmp_path, monkeypatch, factor, message):
    Image.new("L", (10, 11)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 109 // factor)
    with pytest.raises(DataError) as caught:
        picture.size(tmp_path / "a.png", "image 'a.png'")
    assert f"{109 // factor} pixels" in message(caught.value)


def test_bomb_warnings_as_errors(tmp_path, monkeypatch, message):
    Image.new("L", (10, 11)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 109)
    with pytest.raises(DataError) as caught:
        picture.size(tmp_path / "a.png", "image 'a.png'")
    assert "109 pixels" in message(caught.value)


def test_bmp_cannot_take_alpha(tmp_path, message):
    Image.new("RGB", (2, 2)).save(tmp_path / "a.bmp")
    with pytest.raises(DataError) as caught:
        picture.encode(np.zeros((2, 2, 4), np.uint8), tmp_path / "a.bmp", "image")
    assert "RGBA" in message(caught.value)
