"""How commands open data sets and print notes on them."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from simgan.console.printing import print_line
from simgan.settings.choices import Layout, OnBadImage

if TYPE_CHECKING:
    from collections.abc import Collection

    from rich.console import Console

    from simgan.images.ranges import TypedRange
    from simgan.settings.records import SourceRecord

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


def open_as_trained(
    console: Console,
    record: SourceRecord,
    path: Path | None,
    *,
    name: str = "",
    limits: Range = None,
    follow_links: bool = True,
    **given: Any,
) -> Any:
    """Opens the images at `path` with the options with which training read the data set `record`.

    If `path` is not the data set of the training, and training used a key or a layout, a note says that they are used.

    Args:
        console: prints the note, and which images are left out.
        record: one of the two data sets of the training.
        path: the images. None: those of `record`.
        name: the first word of the command's options for these images: 'synthetic' if the key is --synthetic-key.
        limits: the pixel range. None: that of the training.
        follow_links: whether links are followed. In the images of `record`, only if training followed them as well.
        given: arguments of `open_images` that replace those of the training, except those that are None.
    """
    from simgan.runs.run import options_for, recorded_path

    flag = f"--{name}-" if name else "--"
    if path is None:
        path, follow_links = recorded_path(record, name, f"--{name}"), follow_links and record.follow_links
    trained = options_for(record, path)
    options = trained | {argument: value for argument, value in given.items() if value is not None}
    taken = [
        f"{flag}{argument} {quote(options[argument])}"
        for argument in ("key", "layout")
        if options[argument] is not None and given.get(argument) is None
    ]
    if taken and path.resolve() != Path(record.path).resolve():
        print_line(
            console, f"note: {path}: read with {' '.join(taken)}, as in training; give the option to change this"
        )
    options |= {"limits": limits or options.pop("pixel_range"), "follow_links": follow_links}
    return open_data(path, console=console, **options)


def options_of(command: Any, name: str) -> dict[str, Any]:
    """The arguments of `open_as_trained` from a command whose fields for these images begin with `name`.

    `channels` and `follow_links` are the same for all images of a command.
    """
    given = {argument: getattr(command, f"{name}_{argument}") for argument in ("key", "layout", "images")}
    return given | {
        "name": name.replace("_", "-"),
        "limits": getattr(command, f"{name}_range"),
        "channels": command.channels,
        "follow_links": command.follow_links,
    }


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
