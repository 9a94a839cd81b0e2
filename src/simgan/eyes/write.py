"""Writes rendered eyes as an HDF5 file in the layout of the public Kaggle set "4quant/eye-gaze"."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import h5py

from simgan.errors import DataError
from simgan.eyes.labels import Domain, Eyes
from simgan.eyes.render import check_settings, render_eyes
from simgan.files.error_keeping_file import ErrorKeepingFile
from simgan.files.folders import replace

BLOCK = 256
"""Images rendered and written at once."""
LABELS = ("gaze", "head_pose", "iris_centre", "pupil_centre", "lid_contour")


def write_eyes(
    path: Path,
    count: int,
    *,
    domain: Domain = "synthetic",
    seed: int = 0,
    height: int = 35,
    width: int = 55,
    channels: int = 1,
    equalise: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Renders `count` eyes into a new file.

    The group `image` holds one uint8 data set for each image, keyed '000000', '000001' and so on: (H, W) in grey,
    (H, W, 3) in RGB. The groups `gaze`, `head_pose`, `iris_centre`, `pupil_centre` and `lid_contour` hold the
    labels (see `Eyes`) under the same keys. The file gets its name once it is complete.

    Args:
        path: the file to create.
        count: number of images, 1 or more.
        on_progress: called with (images written, count) after every 256 images and at the end.
        domain, seed, height, width, channels, equalise: as for `render_eyes`.

    Raises:
        DataError: the file exists, its folder does not, the disk is full, or a setting is out of range.
    """
    path = Path(path)
    check_settings(count, seed, 0, height, width, channels, domain)
    _check_target(path, count)
    render = partial(
        render_eyes, seed=seed, height=height, width=width, channels=channels, domain=domain, equalise=equalise
    )
    unfinished = path.with_name(f".{path.name}.partial")
    try:
        _fill(unfinished, render, count, on_progress)
        replace(unfinished, path)
    except OSError as error:
        raise DataError(
            f"path: expected room for {count} eyes. Received: {error.strerror or error} at {path}. "
            "Free some space, or choose another disk."
        ) from None
    finally:
        unfinished.unlink(missing_ok=True)


def _fill(path: Path, render: Callable[..., Eyes], count: int, on_progress: Callable[[int, int], None] | None) -> None:
    """Renders `count` eyes with `render`, in blocks, into a new file. OSError if it cannot be written."""
    with ErrorKeepingFile(path, "w+b") as disk, h5py.File(disk, "w") as file:
        for start in range(0, count, BLOCK):
            size = min(BLOCK, count - start)
            _append(file, render(size, start=start), start)
            file.flush()
            if disk.error is not None:
                raise disk.error
            if on_progress is not None:
                on_progress(start + size, count)
    if disk.error is not None:
        raise disk.error


def _check_target(path: Path, count: int) -> None:
    """Raises DataError if the file cannot be created at `path`, or `count` is 0."""
    if count == 0:
        raise DataError("count: expected 1 or more. Received: 0. Ask for at least one image.")
    if path.suffix.lower() not in (".h5", ".hdf5"):
        raise DataError(f"path: expected a name ending in .h5 or .hdf5. Received: {path}. Rename it.")
    if path.exists():
        raise DataError(
            f"path: expected a new file. Received: {path}, which exists. Remove it or choose another name."
        )
    if not path.parent.is_dir():
        raise DataError(f"path: expected a file in an existing folder. Received: {path}. Create {path.parent} first.")


def _append(file: h5py.File, eyes: Eyes, start: int) -> None:
    """Adds images and labels under the keys from `start` on."""
    pictures = eyes.images[..., 0] if eyes.images.shape[-1] == 1 else eyes.images
    for name, rows in [("image", pictures)] + [(name, getattr(eyes, name)) for name in LABELS]:
        group = file.require_group(name)
        for offset, row in enumerate(rows):
            group.create_dataset(f"{start + offset:06d}", data=row)
