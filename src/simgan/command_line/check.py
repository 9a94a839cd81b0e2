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
    """Say what the images are and what is wrong with them. Exit code 1 if anything is."""

    path: Positional[Path]
    """HDF5, .npy, .npz or a folder of images."""
    key: str | None = None
    """Name of the images in an HDF5 or .npz file that holds several arrays."""
    layout: Layout | None = None
    """Where an array of 4 axes has its channels: nhwc last, nchw first."""
    images: str | None = None
    """Which files of a folder are the images, as globs separated by commas: 'rgb/*.png'. By default all pictures but
    masks and other labels of them."""
    channels: Channels = None
    """Convert every picture of a folder, and of --against, to grey (1) or RGB (3)."""
    follow_links: bool = True
    """Follow links in a folder; forbid them in folders that you do not trust."""
    range: Range = None
    """Stored values of black and white, where they are not those of the type."""
    against: Path | None = None
    """Photographs: are both sets framed alike? Where they are not, refining moves content and labels drift."""
    against_key: str | None = None
    """As --key, for --against."""
    against_layout: Layout | None = None
    """As --layout, for --against."""
    against_images: str | None = None
    """As --images, for --against."""
    against_range: Range = None
    """As --range, for --against."""
    picture: Path | None = None
    """With --against: a PNG to make of how both sets are framed."""

    def run(self, console: Console) -> int:
        """Reads every image once and prints the findings."""
        if self.picture is not None and self.against is None:
            from simgan.errors import ConfigError

            raise ConfigError("picture: expected --against as well, received none; say which images to compare with.")
        options, against_options = self._options(self.images), self._options(self.against_images)
        problems = self._check(console, self.path, self.key, self.layout, self.range, options)
        if self.against is not None:
            print_line(console, f"against {self.against}:")
            problems += self._check(
                console, self.against, self.against_key, self.against_layout, self.against_range, against_options
            )
            if not problems:
                self._compare(console, self.against)
        return _PROBLEMS_FOUND if problems else 0

    def _options(self, images: str | None) -> dict[str, Any]:
        return {"images": images, "channels": self.channels, "follow_links": self.follow_links}

    def _compare(self, console: Console, against: Path) -> None:
        """Prints how alike both sets are framed."""
        from simgan.framing.comparison import compare_framing
        from simgan.framing.picture import framing_picture
        from simgan.framing.samples import comparable_samples

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
        for finding in compare_framing(*samples):
            print_line(console, f"{finding.severity}: {finding.sentence}")
        if self.picture is not None:
            self.picture.write_bytes(framing_picture(*samples))
            print_line(console, f"picture: {self.picture}")

    @staticmethod
    def _check(
        console: Console, path: Path, key: str | None, layout: Layout | None, limits: Range, options: dict[str, Any]
    ) -> int:
        """Prints the findings on one set; the number of problems. `options`: of a folder, as in `open_images`."""
        from simgan.console.progress import show_progress
        from simgan.images import inspect_images

        with show_progress(console, "checking") as on_progress:
            report = inspect_images(
                path, key=key, layout=layout, pixel_range=pixel_range(limits), on_progress=on_progress, **options
            )
        sizes = ", ".join(f"{height}x{width} ({count})" for (height, width), count in report.sizes.most_common(5))
        labels = ", ".join(f"{name} {label.shape} {label.dtype}" for name, label in report.labels.items())
        pixels = f"{report.dtype}, {report.channels} channel(s)" if report.readable else "none can be read"
        seen = (
            f", seen {report.minimum:g} to {report.maximum:g}, mean {report.mean:g}"
            if report.mean == report.mean
            else ""
        )
        rows = {
            "images": f"{report.count} ({report.kind}), {report.readable} readable",
            "sizes": f"{sizes or 'none'}{', ...' if len(report.sizes) > 5 else ''}",
            "pixels": pixels,
            "range": f"{report.pixel_range or 'none fits' if report.readable else 'unknown'}{seen}",
            "labels": labels or "none",
        }
        for name, text in rows.items():
            print_line(console, f"{name:<8} {text}")
        for note in report.notes:
            print_line(console, f"{'warning' if note in report.warnings else 'note'}: {note}")
        for problem in _told_once(report.problems, f" of {path}: "):
            print_line(console, f"problem: {problem}")
        print_line(console, f"{report.problem_count or 'no'} problem(s) found")
        return report.problem_count


def _told_once(problems: Sequence[str], separator: str) -> list[str]:
    """Of problems that differ alone in the image's name, before `separator`, the first and how many more there are."""
    alike: dict[str, list[str]] = {}
    for problem in problems:
        _, separated, reason = problem.partition(separator)
        alike.setdefault(reason if separated else problem, []).append(problem)
    return [
        f"{first} (and so of {len(others)} more of those listed)" if others else first
        for first, *others in alike.values()
    ]
