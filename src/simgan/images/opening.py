"""`open_images`: opens the data set at a path, in whichever format it is stored."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike, fspath
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

    `key` is the name of the group or array that holds the images in an HDF5 or .npz file. It is not needed if that
    name is `image` or `images`, or if only one array has 3 or more axes. In an HDF5 file `key` may be a path,
    'train/image', or a glob of paths, '*/image', which joins the images of several places; with '/' each data set at
    the root is an image. `layout` is the position of the channels in an array of 4 axes: `nhwc` (last, the default) or
    `nchw` (first). Files written from the source have the same layout. Without `layout`, an array that looks as if its
    channels come first is an error.

    `pixel_range` holds the stored values that become -1 and 1 for the model. By default it is the full range of uint8
    and uint16, and for floats the first of [0, 1], [-1, 1] and [0, 255] that contains a sample of the images. A
    `TypedRange`, such as `run.input_range`, is used only for images of its type.

    `on_bad_image` decides about images that cannot be used. `stop`: reading such an image raises DataError. `skip`:
    the source does not contain these images, and its `left_out` lists them. To find them, each image is read once, and
    `on_progress(done, total)` is called after each.

    For a folder, `images` selects the images: globs of paths below the folder, separated by commas, such as
    'rgb/*.png'. By default all pictures are images except masks and other labels. `write_like` copies all other files
    unchanged. Labels are read in the formats of `simgan.labels`. `channels` converts every picture to grey (1) or RGB
    (3); an array must already have that many channels.
    Links are followed, unless `follow_links` is False: then a link out of the folder raises DataError.

    Use the source as a context manager, or call `close`. Raises DataError if images are missing, ambiguous or
    unreadable."""
    if isinstance(pixel_range, PixelRange):
        pixel_range.check_width()
    source = find_images(path, key, layout, images=images, channels=channels, follow_links=follow_links)
    try:
        if on_bad_image == "skip":
            return ReadableImages(source, pixel_range, on_progress)
        source.settle(pixel_range)
    except BaseException:
        source.close()
        raise
    return source


def find_images(
    path: str | PathLike[str],
    key: str | None = None,
    layout: Layout | None = None,
    *,
    images: str | None = None,
    channels: Channels = None,
    follow_links: bool = True,
) -> ImageSource:
    """Opens the source at `path` without calling `settle`: its names, sizes and `stored` work; no image is read
    yet."""
    path = _existing(path)
    if path.is_dir():
        if key is not None:
            raise DataError(f"{path}: expected no key= (--key) for a folder, received {key!r}; leave out the key")
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


def _existing(given: str | PathLike[str]) -> Path:
    if not fspath(given):  # Path("") would be the current folder
        raise DataError("images: expected a path, received an empty text; give '.' for the current folder")
    path = Path(given)
    try:
        found = path.exists()
    except OSError as error:
        raise DataError(
            f"{path}: expected a folder or a file of images, received the error {error.strerror!r}; check the path"
        ) from error
    if not found:
        raise DataError(
            f"{path}: expected a folder or a file of images, received a path that does not exist; check the path"
        )
    return path


def _open_file(path: Path, key: str | None) -> ImageSource:
    suffix = path.suffix.lower()
    if not path.is_file() or suffix not in (*HDF5_SUFFIXES, ".npy", ".npz"):
        raise DataError(
            f"{path}: expected a folder of images or a file ending in {', '.join(HDF5_SUFFIXES)}, .npy or .npz, "
            f"received {suffix or 'no extension'!r}; rename or convert it, or put single images into a folder"
        )
    if path.stat().st_size == 0:
        raise DataError(f"{path}: expected images, received an empty file; create the file again")
    # h5py is imported only for HDF5 files: importing it takes as long as the rest of the package.
    if suffix in HDF5_SUFFIXES:
        from simgan.images.hdf5 import open_hdf5

        return open_hdf5(path, key)
    from simgan.images.npy import open_npy
    from simgan.images.npz import open_npz

    return open_npy(path, key) if suffix == ".npy" else open_npz(path, key)
