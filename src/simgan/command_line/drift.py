"""The `drift` command."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from simgan.command_line.reading import Range, open_data, print_notes
from simgan.console.printing import print_line
from simgan.settings.choices import Channels, Layout

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Drift:
    """Measure how far refining moved the content of images.

    Without --points, optical flow between each image and its refined version gives the drift; it needs no labels. With
    --points, a small network (the localiser) learns to find the labelled points in four fifths of the synthetic
    images, whose appearance is varied at random. The drift is how far the points that it finds in the other fifth move
    when these images are refined. The localiser is never trained on refined images.

    If refining first gave images the framing of the photographs, this change counts as drift here. 'simgan evaluate'
    and 'simgan refine --max-drift' do not count it: they measure drift from the framed images.
    """

    synthetic: Annotated[Positional[Path], arg(metavar="SYNTHETIC")]
    """The synthetic images."""
    refined: Annotated[Positional[Path], arg(metavar="REFINED")]
    """The same images refined. Images that were set aside may be missing."""
    points: str | None = None
    """Name of a label that holds one (x, y) in pixels for each image, several (x, y), or masks."""
    steps: int = 1200
    """Training steps of the localiser."""
    key: str | None = None
    """Name of the array of images, if HDF5 or .npz files hold several arrays."""
    layout: Layout | None = None
    """Position of the channels in arrays of 4 axes: nhwc (channels last) or nchw (channels first)."""
    range: Range = None
    """Stored values of black and white, if they are not the limits of the pixel type: 0 4095 for 12 bits."""
    images: str | None = None
    """Which files of folders are the images, as globs separated by commas: 'rgb/*.png'. By default all pictures
    except masks and other labels."""
    channels: Channels = None
    """Convert every picture in the folders to grey (1) or RGB (3)."""
    follow_links: bool = True
    """Follow links in folders. Forbid links in folders that you do not trust."""
    seed: int = 0
    """Seed of the localiser's weights and training."""

    def run(self, console: Console) -> int:
        """Prints the drift and the worst images."""
        from simgan.evaluation.data_set_drift import drift_of_data_sets
        from simgan.evaluation.results import drift_in_words, own_error_warning
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
            # Refining keeps the pixel range, so the refined images are read with that of the synthetic ones.
            synthetic_range = TypedRange(synthetic.pixel_range, synthetic.dtype, "the synthetic images")
            refined = opened.enter_context(
                open_data(self.refined, self.key, self.range or synthetic_range, layout=self.layout, **options)
            )
            printed = print_notes(console, synthetic)
            print_notes(console, refined, skip=printed)
            found, structure = drift_of_data_sets(
                synthetic, refined, self.points, steps=self.steps, seed=self.seed, console=console
            )
        print_line(console, drift_in_words(found))
        if (warning := own_error_warning(found)) is not None:
            print_line(console, f"note: {warning}")
        worst = ", ".join(f"{name} ({pixels:.2f})" for name, pixels in found.worst_images)
        print_line(console, f"images with the largest drift: {worst}")
        print_line(console, f"structural similarity: {structure:.3f} (1: unchanged)")
        return 0
