"""Masks beside images: pictures that give each pixel a class."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.labels.contents import FolderContents
from simgan.labels.label import Found

NAME = "mask"
_FORMATS = ("PNG", "TIFF", "BMP")
_LOSSY = (".jpg", ".jpeg")
_SAMPLE = 8  # number of masks from which the meaning of the pixel values is inferred. Ours.
# If no value of grey masks, except 0, is below this, the values are grey levels, not class numbers. Ours.
_LEVELS_FROM = 32
_MOST_CLASSES = 256
_SHOWN = 6
MAX_BYTES = 2 * 2**30  # largest size of the masks that are read at once. Ours: as for one array of images.

Meaning = Literal["index", "levels", "colours"]
"""What pixel values are: class numbers, or grey levels or colours that each stand for a class."""


class _Mask(NamedTuple):
    values: NDArray[Any]
    """(H, W): class numbers or grey levels, or 0xRRGGBB."""
    colour: bool
    palette: bytes
    """b'' if the picture has no palette."""


def find_masks(contents: FolderContents) -> Found:
    """The label `mask`, if images have masks."""
    lossy = [name for name in contents.masks.values() if name.lower().endswith(_LOSSY)]
    if lossy:
        note = (
            f"{len(lossy)} mask(s) are JPEG, such as {lossy[0]!r}, which blurs classes, so they are not read as the "
            f"label {NAME!r}; save masks as PNG"
        )
        return Found(notes=(note,))
    if not contents.masks:
        return Found()
    label = MaskLabel(contents)
    return Found({NAME: label}, (label.note(),))


class MaskLabel:
    """The label `mask`.

    Pictures with a palette, and grey pictures of small values, hold class numbers. Colours, and grey levels such as 0
    and 255, are numbered: first those of a sample of the masks, in ascending order, then others as they are read.
    """

    def __init__(self, contents: FolderContents) -> None:
        self._contents = contents
        self._numbers: dict[int, int] = {}
        self._palette = b""
        self._deep = False  # whether class numbers need 16 bits

    @cached_property
    def meaning(self) -> Meaning:
        """What the pixel values are. Reads a sample of the masks."""
        files = list(self._contents.masks.values())
        chosen = np.unique(np.linspace(0, len(files) - 1, _SAMPLE).round().astype(int))
        masks = [self._open(files[index]) for index in chosen]
        palettes = {mask.palette for mask in masks}
        self._deep = any(mask.values.dtype == np.uint16 for mask in masks)
        if any(mask.colour for mask in masks) or len(palettes - {b""}) > 1:
            meaning: Meaning = "colours"
            masks = [self._open(files[index], colours=True) for index in chosen]
        else:
            values = np.unique(np.concatenate([np.unique(mask.values) for mask in masks]))
            nonzero = values[values > 0]
            levels = palettes == {b""} and len(nonzero) > 0 and nonzero.min() >= _LEVELS_FROM
            meaning = "levels" if levels else "index"
        if meaning == "index":
            self._palette = max(palettes)
        else:
            self._number(
                np.unique(np.concatenate([np.unique(mask.values) for mask in masks])),
                f"masks of {self._contents.root}",
            )
        return meaning

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the colours, '#rrggbb', or grey levels; () if the masks hold class numbers."""
        if self.meaning == "index":
            return ()
        return tuple(f"#{value:06x}" if self.meaning == "colours" else str(value) for value in self._numbers)

    def note(self) -> str:
        """How the pixel values are interpreted, in one line."""
        start = f"label {NAME!r}: {len(self._contents.masks)} masks"
        try:
            meaning, classes = self.meaning, self.classes
        except DataError as error:
            return f"{start} cannot be used: {error}"
        if meaning == "index":
            return f"{start}; their pixels are class numbers"
        listed = ", ".join(f"{name} is {number}" for number, name in enumerate(classes[:_SHOWN]))
        more = f", ... ({len(classes)} in a sample)" if len(classes) > _SHOWN else ""
        return f"{start}; each {'colour' if meaning == 'colours' else 'grey level'} is a class: {listed}{more}"

    def read(self, indices: Sequence[int]) -> NDArray[Any]:
        """(N, H, W) class numbers, uint8 or uint16. The images at `indices` must have one size."""
        contents = self._contents
        contents.require_all(indices, contents.masks, "a mask")
        if not indices:
            return np.empty((0, 0, 0), np.uint8)
        size = contents.size(indices[0])
        deep = self.meaning == "index" and self._deep
        nbytes = len(indices) * size[0] * size[1] * (2 if deep else 1)
        if nbytes > MAX_BYTES:
            raise DataError(
                f"{contents.root}: expected masks of at most {MAX_BYTES} bytes together, received {nbytes}; use fewer "
                "images (evaluate: --images)"
            )
        masks = np.empty((len(indices), *size), np.uint16 if deep else np.uint8)
        for place, index in enumerate(indices):
            self._read_into(masks[place], index)
        return masks

    def _read_into(self, target: NDArray[Any], index: int) -> None:
        """Writes the class numbers of the mask of an image into `target`, (H, W)."""
        contents = self._contents
        file = contents.masks[index]
        mask = self._open(file, colours=self.meaning == "colours")
        where = f"mask {file!r} of {contents.root}"
        if (size := contents.size(index)) != mask.values.shape or size != target.shape:
            raise DataError(
                f"{where}: expected {target.shape[0]}x{target.shape[1]} px (height x width), like the first image, "
                f"received {mask.values.shape[0]}x{mask.values.shape[1]} for an image of {size[0]}x{size[1]}; "
                "resize images and masks to one size"
            )
        if self.meaning != "index":
            target[:] = self._numbered(mask.values, where)
            return
        if mask.colour or mask.palette not in (b"", self._palette) or mask.values.dtype.itemsize > target.itemsize:
            raise DataError(
                f"{where}: expected class numbers with the depth and palette of the other masks, received a picture "
                "in colour, with another palette or of more bits; save all masks in the same way"
            )
        target[:] = mask.values

    def _numbered(self, values: NDArray[Any], where: str) -> NDArray[Any]:
        """The class numbers (H, W) of colours or grey levels (H, W)."""
        found, inverse = np.unique(values, return_inverse=True)
        self._number(found, where)
        numbers = np.array([self._numbers[int(value)] for value in found], np.uint8)
        return numbers[inverse].reshape(values.shape)

    def _number(self, values: NDArray[Any], where: str) -> None:
        """Gives each new colour or grey level the next number."""
        for value in values:
            self._numbers.setdefault(int(value), len(self._numbers))
        if len(self._numbers) > _MOST_CLASSES:
            raise DataError(
                f"{where}: expected masks of at most {_MOST_CLASSES} colours, one for each class, received more; "
                "if edges are smoothed, save the masks without smoothing"
            )

    def _open(self, file: str, *, colours: bool = False) -> _Mask:
        return _read_picture(self._contents.root / file, f"mask {file!r} of {self._contents.root}", colours)


def _read_picture(path: Path, where: str, colours: bool) -> _Mask:
    """Decodes a mask. `colours`: to RGB, even if the picture has a palette or is grey."""
    from PIL import Image  # imported on use: a folder may have no masks

    try:
        with Image.open(path, formats=_FORMATS) as picture:
            if picture.width * picture.height > (Image.MAX_IMAGE_PIXELS or 2**31):
                raise DataError(
                    f"{where}: expected at most {Image.MAX_IMAGE_PIXELS} pixels, received more; crop the mask"
                )
            mode = picture.mode
            if mode in ("RGB", "RGBA") or (colours and mode in ("1", "L", "LA", "P", "PA")):
                rgb = np.asarray(picture.convert("RGB"), np.uint32)
                return _Mask(rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2], True, b"")
            if mode in ("P", "PA"):
                palette = bytes(picture.getpalette() or b"")
                values = np.asarray(picture)
                return _Mask(values[..., 0] if values.ndim == 3 else values, False, palette)
            if mode in ("1", "L", "LA"):
                values = np.asarray(picture)
                return _Mask((values[..., 0] if values.ndim == 3 else values).astype(np.uint8), False, b"")
            if mode.startswith("I;16") and not colours:
                return _Mask(np.asarray(picture).astype(np.uint16), False, b"")
    except DataError:
        raise
    except Exception as error:  # on damaged files, decoders raise any exception
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{where}: expected a complete {'/'.join(_FORMATS)} picture, received one that cannot be read ({reason}); "
            "replace the file"
        ) from error
    raise DataError(
        f"{where}: expected a palette, grey or RGB picture, received Pillow mode {mode!r}; save the masks as PNG"
    )
