"""How commands open data sets and print notes on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from simgan.console.printing import print_line
from simgan.settings.choices import Layout, OnBadImage

if TYPE_CHECKING:
    from collections.abc import Collection

    from rich.console import Console

    from simgan.images.ranges import TypedRange


_LISTED = 5  # images left out that are printed by name

Range = tuple[float, float] | None
"""Stored values of black and white, as the options --range and others give them."""


def open_data(
    path: Path,
    key: str | None,
    limits: Range | TypedRange,
    on_bad_image: OnBadImage = "stop",
    console: Console | None = None,
    *,
    layout: Layout | None = None,
    **options: Any,
) -> Any:
    """Calls `open_images`. With `on_bad_image` "skip" and a console, prints which images are left out.

    `limits`: the pixel range, either two numbers or the range that a training used. `options`: the arguments
    `images`, `channels` and `follow_links` of `open_images`.
    """
    from simgan.console.progress import show_progress
    from simgan.console.silent import SILENT
    from simgan.images import open_images

    options |= {"key": key, "layout": layout, "pixel_range": pixel_range(limits)}
    if on_bad_image == "stop":
        return open_images(path, **options)
    console = console or SILENT
    with show_progress(console, f"checking {path.name}") as on_progress:
        source = open_images(path, on_bad_image=on_bad_image, on_progress=on_progress, **options)
    for image in source.left_out[:_LISTED]:
        print_line(console, f"left out: {image.reason}")
    if source.left_out:
        print_line(
            console,
            f"{len(source.left_out)} of {len(source) + len(source.left_out)} images in {path} are left out, because "
            "they cannot be used.",
        )
    return source


def print_notes(console: Console, source: Any, *, skip: Collection[str] = (), **options: Any) -> list[str]:
    """Prints notes on what is unusual in a data set, except those whose text is in `skip`.

    `options`: the keyword arguments of `sample_notes`. Returns the texts of all notes.
    """
    from simgan.images.notes import sample_notes

    notes = sample_notes(source, **options)
    for note in notes:
        if note.text not in skip:
            print_line(console, note.line(source.path))
    return [note.text for note in notes]


def pixel_range(limits: Range | TypedRange) -> Any:
    """The argument `pixel_range` of `open_images`, from two numbers or the range that a training used."""
    from simgan.images import PixelRange

    return PixelRange(*limits) if isinstance(limits, tuple) else limits
