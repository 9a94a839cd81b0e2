"""How commands open data sets, and what they say of them first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from simgan.console.printing import print_line
from simgan.settings.choices import Layout, OnBadImage

if TYPE_CHECKING:
    from collections.abc import Collection

    from rich.console import Console

    from simgan.images.ranges import TypedRange


_TOLD = 5  # images that are left out, by name

Range = tuple[float, float] | None
"""Stored values of black and white."""


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
    """As `open_images`, the range as two numbers or as that of a training; says what is left out.

    `options`: `images`, `channels` and `follow_links`.
    """
    from simgan.console.progress import show_progress
    from simgan.images import open_images

    if on_bad_image == "stop" or console is None:
        return open_images(path, key=key, layout=layout, pixel_range=pixel_range(limits), **options)
    with show_progress(console, f"looking at {path.name}") as on_progress:
        source = open_images(
            path,
            key=key,
            layout=layout,
            pixel_range=pixel_range(limits),
            on_bad_image=on_bad_image,
            on_progress=on_progress,
            **options,
        )
    for image in source.left_out[:_TOLD]:
        print_line(console, f"left out: {image.reason}")
    if source.left_out:
        print_line(
            console,
            f"{len(source.left_out)} of {len(source) + len(source.left_out)} images in {path} are left out, for they "
            "cannot be used.",
        )
    return source


def say_notes(console: Console, source: Any, *, unless: Collection[str] = (), **options: Any) -> list[str]:
    """Prints what is unusual in a data set, but what is in `unless`. `options`: as in `sample_notes`.

    Returns the texts.
    """
    from simgan.images.notes import sample_notes

    notes = sample_notes(source, **options)
    for note in notes:
        if note.text not in unless:
            print_line(console, note.line(source.path))
    return [note.text for note in notes]


def pixel_range(limits: Range | TypedRange) -> Any:
    """The argument of that name of `open_images`, from two numbers or the range of a training."""
    from simgan.images import PixelRange

    return PixelRange(*limits) if isinstance(limits, tuple) else limits
