"""The `check` command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tyro.conf import Positional

from simgan.command_line.reading import Range, open_data, pixel_range
from simgan.console.printing import print_line
from simgan.settings.choices import Channels, Layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console


_PROBLEMS_FOUND = 1


@dataclass(frozen=True)
class Check:
    """Describe a data set and list its problems. The exit code is 1 if there is a problem."""

    path: Positional[Path]
    """HDF5, .npy, .npz or a folder of images."""
    key: str | None = None
    """Name of the array of images, if an HDF5 or .npz file holds several arrays. In HDF5 also a path, a pattern of
    paths ('*/image' for a group per person) or '/' (each data set at the root is an image)."""
    layout: Layout | None = None
    """Position of the channels in an array of 4 axes: nhwc (channels last) or nchw (channels first)."""
    images: str | None = None
    """Which files of a folder are the images, as globs separated by commas: 'rgb/*.png'. By default all pictures
    except masks and other labels."""
    channels: Channels = None
    """Convert every picture of a folder, and of --against, to grey (1) or RGB (3)."""
    follow_links: bool = True
    """Follow links in a folder. Forbid links in a folder that you do not trust."""
    range: Range = None
    """Stored values of black and white, if they are not the limits of the pixel type: 0 4095 for 12 bits."""
    against: Path | None = None
    """Photographs to compare the framing of the images with. Where framing differs, refining moves content, so labels
    become wrong."""
    against_key: str | None = None
    """The same as --key, for --against."""
    against_layout: Layout | None = None
    """The same as --layout, for --against."""
    against_images: str | None = None
    """The same as --images, for --against."""
    against_range: Range = None
    """The same as --range, for --against."""
    picture: Path | None = None
    """With --against: PNG file to write, which shows how both sets are framed."""

    def run(self, console: Console) -> int:
        """Reads every image once and prints the findings."""
        if self.picture is not None and self.against is None:
            from simgan.errors import ConfigError

            raise ConfigError(
                "picture: expected --against together with --picture, received none; give the images to compare with."
            )
        options, against_options = self._options(self.images), self._options(self.against_images)
        problems = self._check(console, self.path, self.key, self.layout, self.range, options)
        if self.against is not None:
            print_line(console, f"against {self.against}:")
            against_options["flag"] = "--against-range"
            problems += self._check(
                console, self.against, self.against_key, self.against_layout, self.against_range, against_options
            )
            if not problems:
                self._compare(console, self.against)
        return _PROBLEMS_FOUND if problems else 0

    def _options(self, images: str | None) -> dict[str, Any]:
        return {"images": images, "channels": self.channels, "follow_links": self.follow_links}

    def _compare(self, console: Console, against: Path) -> None:
        """Prints how much the framing of both sets differs."""
        from simgan.framing.comparison import compare_framing
        from simgan.framing.picture import framing_picture
        from simgan.framing.samples import comparable_samples
        from simgan.settings.presets import PRESETS
        from simgan.training.cropping import training_sets
        from simgan.training.framing_choice import choose_training_framing

        with (
            open_data(self.path, self.key, self.range, layout=self.layout, **self._options(self.images)) as synthetic,
            open_data(
                against,
                self.against_key,
                self.against_range,
                layout=self.against_layout,
                **self._options(self.against_images),
            ) as real,
        ):
            samples = comparable_samples(synthetic, real)
            config = training_sets(PRESETS["default"].config, synthetic, real).config
            choice = choose_training_framing(config, synthetic, samples)
        for finding in compare_framing(*samples):
            print_line(console, f"{finding.severity}: {finding.sentence}")
        for note in choice.notes:
            by_itself = "'simgan train' does this by itself: " if choice.map is not None else ""
            print_line(console, f"note: {by_itself}{note}")
        if self.picture is not None:
            self.picture.write_bytes(framing_picture(*samples))
            print_line(console, f"picture: {self.picture}")

    @staticmethod
    def _check(
        console: Console, path: Path, key: str | None, layout: Layout | None, limits: Range, options: dict[str, Any]
    ) -> int:
        """Prints the findings on one data set, and returns the number of problems.

        `options`: the arguments of `open_images` that concern folders.
        """
        from simgan.console.progress import show_progress
        from simgan.images import inspect_images

        with show_progress(console, "checking") as on_progress:
            report = inspect_images(
                path, key=key, layout=layout, pixel_range=pixel_range(limits), on_progress=on_progress, **options
            )
        sizes = ", ".join(f"{height}x{width} ({count})" for (height, width), count in report.sizes.most_common(5))
        labels = ", ".join(
            f"{name} {label.shape} {'lists' if name == 'boxes' and label.dtype == object else label.dtype}"
            for name, label in report.labels.items()
        )
        pixels = f"{report.dtype}, {report.channels} channel(s)" if report.readable else "no image can be read"
        values = (
            f", values from {report.minimum:g} to {report.maximum:g}, mean {report.mean:g}"
            if report.mean == report.mean
            else ""
        )
        rows = {
            "images": f"{report.count} ({report.kind}), {report.readable} readable",
            "sizes": f"{sizes or 'none'}{', ...' if len(report.sizes) > 5 else ''}",
            "pixels": pixels,
            "range": f"{report.pixel_range or 'no known range fits' if report.readable else 'unknown'}{values}",
            "labels": labels or "none",
        }
        for name, text in rows.items():
            print_line(console, f"{name:<8} {text}")
        for note in report.notes:
            print_line(console, f"{'warning' if note in report.warnings else 'note'}: {note}")
        for problem in _merge_alike(report.problems, f" of {path}: "):
            print_line(console, f"problem: {problem}")
        print_line(console, f"{report.problem_count or 'no'} problem(s) found")
        return report.problem_count


def _merge_alike(problems: Sequence[str], separator: str) -> list[str]:
    """Of problems that differ only in the image's name, the first, and the number of the others.

    The name is the text before `separator`.
    """
    alike: dict[str, list[str]] = {}
    for problem in problems:
        _, separated, reason = problem.partition(separator)
        alike.setdefault(reason if separated else problem, []).append(problem)
    return [
        f"{first} (the same problem in {len(others)} more of the images listed)" if others else first
        for first, *others in alike.values()
    ]
