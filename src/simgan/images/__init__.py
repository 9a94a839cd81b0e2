"""Reading, checking, resizing and writing images: the only package that knows file formats and pixel values."""

from simgan.images.checking import ImageReport, inspect_images
from simgan.images.chosen import ChosenImages
from simgan.images.crops import Crops, middle_crop
from simgan.images.opening import open_images
from simgan.images.pixels import PixelRange, check_values
from simgan.images.readable import LeftOut, ReadableImages
from simgan.images.resizing import resize
from simgan.images.sizes import require_one_size
from simgan.images.source import ImageSource, read_all
from simgan.images.writer import ImageWriter
from simgan.images.writing import write_like, writer_like

__all__ = [
    "ChosenImages",
    "Crops",
    "ImageReport",
    "ImageSource",
    "ImageWriter",
    "LeftOut",
    "PixelRange",
    "ReadableImages",
    "check_values",
    "inspect_images",
    "middle_crop",
    "open_images",
    "read_all",
    "require_one_size",
    "resize",
    "write_like",
    "writer_like",
]
