"""Telling flat pictures, such as masks and drawings, from photographs and renders, by their content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from simgan.images.picture import FORMATS
from simgan.images.sampling import evenly_spaced

_SAMPLE = 8  # pictures of each group that are read
# A picture is flat if its 16 commonest colours cover 95 % of it: edges of masks may be smoothed. All numbers are ours.
_COLOURS, _COVERED = 16, 0.95
# A map of many classes is flat too: four of five neighbours are equal, and most of the others differ clearly, while a
# smooth gradient changes by a level or two.
_MANY_COLOURS, _EQUAL, _CLEARLY = 256, 0.8, 2
# At the outlines of a mask, its image has more contrast than elsewhere, by this factor at least.
_FOLLOWS = 1.2


class Picture(NamedTuple):
    """Properties of a picture."""

    mode: str
    """Pillow's mode."""
    flat: bool
    several_colours: bool


def modes(pictures: Iterable[Picture]) -> set[str]:
    """The Pillow modes of `pictures`, without alpha."""
    return {picture.mode.removesuffix("A") for picture in pictures}


def read_sample(root: Path, names: Sequence[str]) -> Iterator[Picture]:
    """The readable pictures of an evenly spaced sample of `names`, paths below `root`."""
    for index in evenly_spaced(len(names), _SAMPLE):
        try:
            with Image.open(root / names[index], formats=FORMATS) as picture:
                pixels = _as_array(picture)
                flat = picture.mode in ("1", "P", "PA") or is_flat(pixels)
                yield Picture(picture.mode, flat, bool((pixels != pixels[0, 0]).any()))
        except Exception:  # decoders raise any exception; the code that uses the picture reports it
            continue


def _as_array(picture: Image.Image) -> NDArray[Any]:
    pixels = np.asarray(picture)
    return pixels.reshape(*pixels.shape[:2], -1)


def is_flat(pixels: NDArray[Any]) -> bool:
    """Whether a picture (H, W, C) has few colours, or consists of areas of one colour."""
    count = pixels.shape[0] * pixels.shape[1]
    if count <= 4 * _COLOURS:
        return False
    colours = np.unique(_one_number_each(pixels), return_counts=True)[1]
    if np.sort(colours)[-_COLOURS:].sum() >= _COVERED * count:
        return True
    if len(colours) > _MANY_COLOURS:
        return False
    steps = np.concatenate([step.ravel() for step in _steps(pixels)])
    unequal = steps[steps > 0]
    few = len(unequal) <= (1 - _EQUAL) * len(steps)
    return few and bool(2 * np.count_nonzero(unequal > _CLEARLY) >= len(unequal))


def _one_number_each(pixels: NDArray[Any]) -> NDArray[Any]:
    """Each pixel of (H, W, C) as one number if it fits into 8 bytes, which sort fast; else as one record."""
    if pixels.shape[2] * pixels.dtype.itemsize > 8:
        rows = np.ascontiguousarray(pixels.reshape(-1, pixels.shape[2]))
        return rows.view([("", rows.dtype)] * rows.shape[1])
    padded = np.zeros((*pixels.shape[:2], 8 // pixels.dtype.itemsize), pixels.dtype)
    padded[..., : pixels.shape[2]] = pixels
    return padded.view(np.uint64)


def _steps(pixels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The largest difference of any channel between neighbours: (H - 1, W) downwards and (H, W - 1) to the right."""
    values = pixels.astype(np.float64)
    return np.abs(np.diff(values, axis=0)).max(axis=2), np.abs(np.diff(values, axis=1)).max(axis=2)


def follow_outlines(root: Path, pairs: Sequence[tuple[str, str]]) -> bool:
    """Whether flat pictures have the size and the outlines of the pictures that they are paired with.

    Args:
        root: the folder.
        pairs: names of a flat picture and of the other picture.
    """
    contrasts = []
    for index in evenly_spaced(len(pairs), _SAMPLE):
        flat, other = pairs[index]
        try:
            with Image.open(root / flat, formats=FORMATS) as one, Image.open(root / other, formats=FORMATS) as two:
                contrasts.append(_contrast_at_outlines(_as_array(one), _as_array(two)))
        except Exception:  # as in read_sample
            continue
    return not contrasts or float(np.mean(contrasts)) >= _FOLLOWS


def _contrast_at_outlines(flat: NDArray[Any], picture: NDArray[Any]) -> float:
    """Contrast of `picture` where `flat` changes its colour, divided by that everywhere; 0 if their sizes differ."""
    if flat.shape[:2] != picture.shape[:2]:
        return 0.0
    changes = np.concatenate([step.ravel() > 0 for step in _steps(flat)])
    contrast = np.concatenate([step.ravel() for step in _steps(picture)])
    if not changes.any() or not contrast.any():
        return 1.0
    return float(contrast[changes].mean() / contrast.mean())
