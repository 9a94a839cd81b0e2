"""`open_images`: from a path to an `ImageSource`, by what lies there."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path

from simgan.errors import DataError
from simgan.images.pixels import PixelRange
from simgan.images.ranges import TypedRange
from simgan.images.readable import ReadableImages
from simgan.images.source import ImageSource
from simgan.settings.choices import Channels, Layout, OnBadImage

HDF5_SUFFIXES = (".h5", ".hdf5")


def open_images(
    path: str | PathLike[str],
    *,
    key: str | None = None,
    layout: Layout | None = None,
    pixel_range: PixelRange | TypedRange | None = None,
    on_bad_image: OnBadImage = "stop",
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    images: str | None = None,
    channels: Channels = None,
    follow_links: bool = True,
) -> ImageSource:
    """The images at `path`: a folder of PNG/JPEG/TIFF/BMP, an HDF5 file, an .npy or an .npz file.

    `key` names the group or array with the images in HDF5 and .npz files, where it is not `image`, `images` or the
    only array of 3 or more axes. In HDF5 files it may lead into groups, 'train/image', and be a glob, '*/image', which
    joins the images of several places; '/' are the data sets at the root, an image each. `layout` says where an array
    of 4 axes has its channels: `nhwc` last, `nchw` first, and what is written from it keeps that; by default last, and
    an array that looks otherwise is refused.

    `pixel_range` are the stored values for the model's [-1, 1]; by default the full range of uint8 and uint16, and for
    floats the first of [0, 1], [-1, 1] and [0, 255] that a sample fits. A `TypedRange`, say `run.input_range`, is used
    for images of its type alone.

    `on_bad_image` says what becomes of images that cannot be used. `stop`: reading one is DataError. `skip`: the set
    is without them, and `left_out` lists them; to find them each is read once, and `on_progress` told how many were.

    In a folder, `images` are globs of paths below it, separated by commas, which say what the images are: 'rgb/*.png'.
    By default they are all pictures but those that are masks or other labels of the rest. What is no image is carried
    over unchanged by `write_like`. `channels` converts every picture to grey (1) or RGB (3); an array must have as
    many. Links are followed, unless `follow_links` is False: then those that lead out of the folder are DataError.

    Use it as a context manager, or call `close`. Raises DataError if anything is missing, ambiguous or unreadable.
    """
    source = find_images(Path(path), key, layout, images=images, channels=channels, follow_links=follow_links)
    try:
        if on_bad_image == "skip":
            return ReadableImages(source, pixel_range, on_progress)
        source.settle(pixel_range)
    except BaseException:
        source.close()
        raise
    return source


def find_images(
    path: Path,
    key: str | None = None,
    layout: Layout | None = None,
    *,
    images: str | None = None,
    channels: Channels = None,
    follow_links: bool = True,
) -> ImageSource:
    """The source at `path` before `settle`: names, sizes and `stored` work, no image has been read."""
    _check_exists(path)
    if path.is_dir():
        if key is not None:
            raise DataError(f"{path}: expected no key= (--key) for a folder, received {key!r}; leave it out")
        from simgan.images.folder import FolderSource

        source: ImageSource = FolderSource(path, images, channels, follow_links=follow_links)
    elif images is not None:
        raise DataError(
            f"{path}: expected no images= (--images) for a file, received {images!r}; name the array with key= (--key)"
        )
    else:
        source = _open_file(path, key)
        source.wanted_channels = channels
    source.key, source.layout = key, layout
    try:
        source.use_layout(layout)
    except BaseException:
        source.close()
        raise
    return source


def _check_exists(path: Path) -> None:
    try:
        found = path.exists()
    except OSError as error:
        raise DataError(
            f"{path}: expected a folder or a file of images, received {error.strerror!r}; check it"
        ) from error
    if not found:
        raise DataError(
            f"{path}: expected a folder or a file of images, received a path that does not exist; check it"
        )


def _open_file(path: Path, key: str | None) -> ImageSource:
    suffix = path.suffix.lower()
    if not path.is_file() or suffix not in (*HDF5_SUFFIXES, ".npy", ".npz"):
        raise DataError(
            f"{path}: expected a folder of images or a file ending in {', '.join(HDF5_SUFFIXES)}, .npy or .npz, "
            f"received {suffix or 'no extension'!r}; rename or convert it, or put single images into a folder"
        )
    if path.stat().st_size == 0:
        raise DataError(f"{path}: expected images, received an empty file; make it anew")
    # Imported on use: h5py alone takes as long as the rest of the package.
    if suffix in HDF5_SUFFIXES:
        from simgan.images.hdf5 import open_hdf5

        return open_hdf5(path, key)
    from simgan.images.npy import open_npy, open_npz

    return open_npy(path, key) if suffix == ".npy" else open_npz(path, key)
