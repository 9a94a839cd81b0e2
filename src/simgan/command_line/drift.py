"""The `drift` command."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from simgan.command_line.reading import Range, open_data, say_notes
from simgan.console.printing import print_line
from simgan.settings.choices import Channels, Layout

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Drift:
    """Measure how far refining moved content, between a data set and its refined version.

    Without --points by optical flow, which needs no labels. With it by a localiser that learns the point from four
    fifths of the synthetic images, made to look other than they are, and reads the rest before and after refining. It
    never sees a refined image in training.
    """

    synthetic: Annotated[Positional[Path], arg(metavar="SYNTHETIC")]
    """The synthetic images."""
    refined: Annotated[Positional[Path], arg(metavar="REFINED")]
    """The same images refined; some may have been set aside."""
    points: str | None = None
    """Name of a label: (x, y) in pixels for each image, several such points, or masks."""
    steps: int = 1200
    """Training steps of the localiser."""
    key: str | None = None
    """Name of the images in HDF5 or .npz files that hold several arrays."""
    layout: Layout | None = None
    """Where arrays of 4 axes have their channels: nhwc last, nchw first."""
    range: Range = None
    """Stored values of black and white, where they are not those of the type."""
    images: str | None = None
    """Which files of folders are the images, as globs separated by commas: 'rgb/*.png'. By default all pictures but
    masks and other labels of them."""
    channels: Channels = None
    """Convert every picture of folders to grey (1) or RGB (3)."""
    follow_links: bool = True
    """Follow links in folders; forbid them in folders that you do not trust."""
    seed: int = 0
    """Of the localiser."""

    def run(self, console: Console) -> int:
        """Prints the drift and the worst images."""
        from simgan.evaluation.data_set_drift import drift_of_data_sets
        from simgan.images.ranges import TypedRange

        with ExitStack() as opened:
            options: dict[str, Any] = {
                "images": self.images,
                "channels": self.channels,
                "follow_links": self.follow_links,
            }
            synthetic = opened.enter_context(
                open_data(self.synthetic, self.key, self.range, layout=self.layout, **options)
            )
            # Refining keeps the range, whatever values it leaves.
            used = TypedRange(synthetic.pixel_range, synthetic.dtype, "the synthetic images")
            refined = opened.enter_context(
                open_data(self.refined, self.key, self.range or used, layout=self.layout, **options)
            )
            said = say_notes(console, synthetic)
            say_notes(console, refined, unless=said)
            found, structure = drift_of_data_sets(
                synthetic, refined, self.points, steps=self.steps, seed=self.seed, console=console
            )
        print_line(
            console,
            f"drift by {found.measured_by}: {found.mean:.2f} px mean, {found.p95:.2f} px at the 95th percentile, "
            f"{found.worst:.2f} px at worst, on {found.images} images",
        )
        if found.own_error is not None:
            print_line(console, f"the localiser's own error on unrefined images: {found.own_error:.2f} px mean")
            if found.own_error > 0.5 * found.mean:
                print_line(
                    console,
                    "note: much of the drift read is the localiser's own error, so the true drift may be less; give "
                    "more images or --steps",
                )
        worst = ", ".join(f"{name} ({pixels:.2f})" for name, pixels in found.worst_images)
        print_line(console, f"worst: {worst}")
        print_line(console, f"structural similarity: {structure:.3f} (1: unchanged)")
        return 0
