"""Reading, checking, resizing and writing images: the only package that knows file formats and pixel values."""

from simgan.images.checking import ImageReport, inspect_images
from simgan.images.opening import open_images
from simgan.images.pixels import PixelRange
from simgan.images.resizing import resize
from simgan.images.sizes import common_size
from simgan.images.source import ImageSource
from simgan.images.writer import ImageWriter
from simgan.images.writing import write_like

__all__ = [
    "ImageReport",
    "ImageSource",
    "ImageWriter",
    "PixelRange",
    "common_size",
    "inspect_images",
    "open_images",
    "resize",
    "write_like",
]
