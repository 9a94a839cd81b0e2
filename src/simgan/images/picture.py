"""Reading and writing one PNG, JPEG, TIFF or BMP file with Pillow. See deep_colour.py for 16-bit colour."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from simgan.errors import DataError
from simgan.images.arrays import as_image, one_line
from simgan.images.deep_colour import encode_deep, is_deep, read_deep

EXTENSIONS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP"}
# Pillow may use only the decoders of these formats, whatever format a file claims to have.
FORMATS = ("PNG", "JPEG", "TIFF", "BMP")
MODES = ("L", "LA", "RGB", "RGBA", "I;16", "I;16B", "I;16L", "F")
_NAME_THE_IMAGES = "name the images with --images (train: --synthetic-images, --real-images)"
CONVERT = {
    "1": f"if it is a label mask, {_NAME_THE_IMAGES}; if it is an image, convert it to 8-bit grey",
    "P": f"palette pictures are often label masks: then {_NAME_THE_IMAGES}; if it is an image, convert it to RGB",
    "PA": f"palette pictures are often label masks: then {_NAME_THE_IMAGES}; if it is an image, convert it to RGBA",
    "CMYK": "convert it to RGB (Pillow: convert('RGB'))",
    "I": "store it as 16-bit grey (uint16) or float, or put the images into an .npy file",
}
_METADATA = frozenset(("icc_profile", "exif"))
WITH_ALPHA = ("LA", "RGBA")
EXIF_ORIENTATION = 0x0112
# Lossless compressions. Writing replaces any other compression (JPEG, WebP) by LZW.
TIFF_LOSSLESS = ("raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "zstd", "lzma")


@contextmanager
def opened(path: Path, where: str) -> Iterator[Image.Image]:
    """Opens the picture at `path`, whose mode is in MODES, and reads its header. Errors in the block become
    DataError."""
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{where}: expected an image, received an empty file; replace or remove the file")
        with Image.open(path, formats=FORMATS) as picture:
            _check(picture, where)
            _check_extension(picture, path, where)
            yield picture
    except DataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(where) from error
    # On damaged files, decoders raise any exception: OSError, SyntaxError, struct.error, KeyError, zlib.error.
    except Exception as error:
        raise DataError(
            f"{where}: expected a complete {'/'.join(FORMATS)} image, received one that cannot be read "
            f"({one_line(error)}); replace or remove the file"
        ) from error


def _too_large(where: str) -> DataError:
    return DataError(
        f"{where}: expected at most {Image.MAX_IMAGE_PIXELS} pixels, received more; cut it into smaller images"
    )


def _check(picture: Image.Image, where: str) -> None:
    width, height = picture.size
    if Image.MAX_IMAGE_PIXELS is not None and width * height > Image.MAX_IMAGE_PIXELS:
        raise _too_large(where)
    if getattr(picture, "n_frames", 1) > 1:
        frames = getattr(picture, "n_frames", 1)
        raise DataError(f"{where}: expected one picture, received {frames} in one file; save each to its own file")
    if picture.mode not in MODES:
        way_out = CONVERT.get(picture.mode, "convert it to 8-bit grey or RGB")
        raise DataError(
            f"{where}: expected grey, RGB, 16-bit grey or float pixels, with or without alpha, received Pillow mode "
            f"{picture.mode!r}; {way_out}"
        )
    bits = _bits(picture)
    if not is_deep(picture, _raw_mode(picture)) and bits not in (
        None,
        {"I": 16, "F": 32}.get(picture.mode[0], 8),
        12 if picture.mode == "I;16" else None,
    ):
        raise DataError(
            f"{where}: expected 8 bits a channel, 16-bit grey or RGB, or 32-bit float, received {bits} bits a channel "
            f"in mode {picture.mode!r}, which Pillow would change; convert it, or put the images into an .npy file"
        )


def _check_extension(picture: Image.Image, path: Path, where: str) -> None:
    """Raises DataError unless the extension fits the format of the content.

    Refined pictures get the format of the content, so a JPEG named .png would lose detail without notice.
    """
    if picture.format != EXTENSIONS.get(path.suffix.lower()):
        fitting = " or ".join(suffix for suffix, name in EXTENSIONS.items() if name == picture.format)
        raise DataError(
            f"{where}: expected a {EXTENSIONS.get(path.suffix.lower())} picture, as its name says, received "
            f"{picture.format}; rename it to end in {fitting}, or convert it"
        )


def _bits(picture: Image.Image) -> int | None:
    """Bits of a channel in the file if its raw mode names them ('RGB;16B': 16), else None.

    Pillow quietly opens 16-bit RGB as 8-bit, and 64-bit floats as 32-bit.
    """
    digits = "".join(letter for letter in _raw_mode(picture).partition(";")[2] if letter.isdigit())
    # 'BGR;15' is the five-bit colour of old BMPs, which fits into 8.
    return int(digits) if digits and digits != "15" else None


def _raw_mode(picture: Image.Image) -> str:
    """Pillow's raw mode, which describes the pixels in the file, such as 'RGB;16B'; '' if Pillow gives none."""
    args = picture.tile[0].args if picture.tile else ()  # type: ignore[attr-defined]
    return args if isinstance(args, str) else str(args[0]) if isinstance(args, tuple) and args else ""


def _pixels(picture: Image.Image, path: Path, where: str) -> NDArray[Any]:
    """The pixels, (H, W) or (H, W, C), with alpha and at full bit depth."""
    if is_deep(picture, _raw_mode(picture)):
        return read_deep(picture, path, where)
    return np.array(picture)  # a copy: Pillow's buffer is read-only


def read(path: Path, where: str) -> NDArray[Any]:
    """(H, W, C) pixels as stored, without alpha: uint8, uint16 or float32 (float TIFF).

    No EXIF rotation is applied.
    """
    with opened(path, where) as picture:
        pixels = _pixels(picture, path, where)
        return as_image(pixels[..., :-1].copy() if picture.mode in WITH_ALPHA else pixels, where)


def size(path: Path, where: str) -> tuple[int, int]:
    """(H, W) from the header."""
    with opened(path, where) as picture:
        return picture.height, picture.width


def has_alpha(path: Path, where: str) -> bool:
    """Whether the picture has an alpha channel, from the header."""
    with opened(path, where) as picture:
        return picture.mode in WITH_ALPHA


def remarks(path: Path, where: str) -> tuple[str, ...]:
    """What is unusual about the picture, in words that a note adds after 'n image(s)'."""
    with opened(path, where) as picture:
        found = []
        if int(picture.getexif().get(EXIF_ORIENTATION, 1)) != 1:
            found.append("have an EXIF orientation, which is ignored: their pixels are used as stored")
        if picture.mode in WITH_ALPHA:
            found.append("have an alpha channel, which is not refined but copied")
        elif "transparency" in picture.info:
            found.append("mark one colour as transparent; refined pictures will not have that mark")
        if is_deep(picture, _raw_mode(picture)) and _METADATA.intersection(picture.info):
            found.append("have 16-bit colour and a colour profile or EXIF data, which refined pictures will not have")
        return tuple(found)


def encode(image: NDArray[Any], like: Path, where: str) -> bytes:
    """(H, W, C) `image` as a file in the format, mode and compression of the picture at `like`.

    Alpha, EXIF (PNG, JPEG) and the colour profile are copied from that picture. Encoding is lossless except for JPEG,
    which has quality 95 and colour at full resolution. The image may be grey where the picture is colour, or the other
    way round. Raises DataError if the format cannot store the image.
    """
    with opened(like, where) as picture:
        kind, options = str(picture.format), _options(picture)
        colours = len(picture.getbands()) - (picture.mode in WITH_ALPHA)
        if picture.mode in WITH_ALPHA:
            image = np.dstack([image, _pixels(picture, like, where)[..., -1]])
    if kind == "BMP" and image.shape[2] == 4:
        raise DataError(
            f"{where}: expected an image without alpha to write as BMP, received RGBA; convert the folder to PNG"
        )
    if colours != image.shape[2] - (image.shape[2] in (2, 4)):
        options.pop("icc_profile", None)  # a profile for colour does not fit grey, nor one for grey colour
    if image.dtype == np.uint16 and image.shape[2] == 2:
        raise DataError(
            f"{where}: expected 16-bit grey without alpha to write, received one with alpha; leave out --channels 1, "
            "or convert the pictures to 8 bits"
        )
    if image.dtype == np.uint16 and image.shape[2] > 2:
        return encode_deep(image, kind, str(options.get("compression")))
    # Encoded in memory, because Pillow's encoders do not report it if a full disk stores only part of a file.
    encoded = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(encoded, format=kind, **options)
    return encoded.getvalue()


def _options(picture: Image.Image) -> dict[str, Any]:
    info = picture.info
    kept = ("icc_profile", "exif") if picture.format in ("PNG", "JPEG") else ("icc_profile",)
    options = {name: info[name] for name in kept if info.get(name)}
    if picture.format == "JPEG":
        options |= {"quality": 95, "subsampling": 0}
    if picture.format == "TIFF":
        compression = info.get("compression", "raw")
        options["compression"] = compression if compression in TIFF_LOSSLESS else "tiff_lzw"
    return {} if picture.format == "BMP" else options
