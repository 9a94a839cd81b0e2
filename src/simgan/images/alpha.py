"""Alpha channels of pictures, which are copied as they are."""

from __future__ import annotations

from contextlib import suppress

from simgan.errors import DataError
from simgan.images.source import ImageSource


def image_with_alpha(source: ImageSource) -> str | None:
    """The name of the first image with an alpha channel. None if no image has one.

    The headers of all images are read. Images that cannot be read are passed over: the code that uses them later
    raises the error.
    """
    for index in range(len(source)):
        with suppress(DataError):
            if source.has_alpha(index):
                return source.names[index]
    return None
