"""The `turing` command: a test of whether people can tell refined images from real ones."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from simgan.command_line.reading import Range, open_as_trained, options_of
from simgan.console.printing import print_line
from simgan.settings.choices import Channels, Layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from simgan.settings.records import SourceRecord
    from simgan.turing.sitting import Sitting


@dataclass(frozen=True)
class Turing:
    """Take the visual Turing test in a browser: judge for each image whether it is real or refined.

    Half of the images are real, half refined. The page shows no result before the last answer. Every answer is saved
    in RUN/turing at once: you can stop at any time, and the same command continues the test. Ctrl-C ends the server.
    """

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """The --out folder of a finished training."""
    form: Literal["blind", "sheets"] = "blind"
    """`blind`: no examples. `sheets`: first shows 50 real and 50 refined images, labelled as such, as examples."""
    trials: int = 100
    """Number of images to judge, half of them real, half refined."""
    new: bool = False
    """Start a new test even if an earlier test is unfinished."""
    seed: int | None = None
    """Seed of the choice and order of the images. By default a different seed each time."""
    synthetic: Path | None = None
    """The synthetic images, if they have moved since training, or if other images are to be shown."""
    real: Path | None = None
    """The same as --synthetic, for the real images."""
    synthetic_key: str | None = None
    """Name of the array of synthetic images, if an HDF5 or .npz file holds several arrays. By default as in training,
    if the format is the same."""
    real_key: str | None = None
    """The same as --synthetic-key, for the real images."""
    synthetic_layout: Layout | None = None
    """Position of the channels in an array of 4 axes: nhwc (channels last) or nchw (channels first). By default as in
    training."""
    real_layout: Layout | None = None
    """The same as --synthetic-layout, for the real images."""
    synthetic_images: str | None = None
    """Which files of a folder are the images, as globs separated by commas: 'rgb/*.png'. By default as in training if
    the folder is the same, else all pictures except masks and other labels."""
    real_images: str | None = None
    """The same as --synthetic-images, for the real images."""
    synthetic_range: Range = None
    """Stored values of black and white. By default the range in training if the pixel type is the same, else the
    limits of the pixel type."""
    real_range: Range = None
    """The same as --synthetic-range, for the real images."""
    channels: Channels = None
    """Convert every picture in folders to grey (1) or RGB (3). By default as in training."""
    follow_links: bool = True
    """Follow links in folders. Forbid links in folders that you do not trust."""
    host: str = "127.0.0.1"
    """Address to listen on. With any address except the loopback, other computers can reach the test."""
    port: int = 0
    """Port to listen on. 0: any free port."""
    browser: bool = True
    """Open the page in the default browser."""

    def run(self, console: Console) -> int:
        """Serves until interrupted."""
        from simgan.turing.server import TuringServer
        from simgan.turing.trial import check_trials

        check_trials(self.trials)
        sitting = self._sitting(console)
        try:
            with TuringServer(sitting, self.host, self.port) as server:
                print_line(console, f"The test is at {server.url} (Ctrl-C ends the server)")
                if self.browser:
                    _open_browser(server.url)
                server.serve_forever(poll_interval=0.1)
        except KeyboardInterrupt:
            result = sitting.result()
            print_line(console, f"test {result.test}: {result}" if result else "No question was answered.")
            if result:
                print_line(console, result.verdict)
        finally:
            sitting.close()
        return 0

    def _sitting(self, console: Console) -> Sitting:
        """The unfinished test or a new one, with the function that draws the next test."""
        from functools import partial
        from itertools import count
        from secrets import randbits

        from simgan.images import PixelRange
        from simgan.refining.data_set import refine
        from simgan.runs.run import Run
        from simgan.training.cropping import training_sets
        from simgan.turing.answers import AnswerFile, unfinished
        from simgan.turing.pictures import Pictures, make_pictures
        from simgan.turing.sitting import Sitting

        run = Run.open(self.run_folder)
        seeds = count(self.seed) if self.seed is not None else iter(lambda: randbits(32), None)

        def pictures(synthetic: Any, real: Any, plan: Any) -> Pictures:
            size, model_range = (run.data.height, run.data.width), PixelRange(-1, 1)
            refined = partial(refine, run, pixel_range=model_range, variety=True)
            return make_pictures(plan, synthetic, real, size, refined)

        @contextmanager
        def opened_sets() -> Iterator[tuple[Any, Any]]:
            with (
                self._open("synthetic", run.data.synthetic, console) as synthetic,
                self._open("real", run.data.real, console) as real,
            ):
                _, synthetic, real, _ = training_sets(run.config, synthetic, real)
                yield synthetic, real

        def begin() -> tuple[AnswerFile, Pictures]:
            with opened_sets() as (synthetic, real):
                plan = self._plan(len(synthetic), len(real), next(seeds))
                drawn = pictures(synthetic, real, plan)
                return AnswerFile.create(run.path, plan), drawn

        begun = None if self.new else unfinished(run.path, self.form, self.trials)
        if begun is None:
            return Sitting(begin(), begin)
        try:
            with opened_sets() as (synthetic, real):
                opened = begun, pictures(synthetic, real, begun.plan)
        except BaseException:
            begun.close()
            raise
        print_line(
            console, f"Continuing test {begun.path.stem}: {len(begun.answers)} of {self.trials} images are answered."
        )
        return Sitting(opened, begin)

    def _plan(self, synthetic_count: int, real_count: int, seed: int) -> Any:
        from datetime import UTC, datetime

        from simgan.turing.trial import draw_plan

        return draw_plan(
            synthetic_count=synthetic_count,
            real_count=real_count,
            trials=self.trials,
            form=self.form,
            seed=seed,
            date=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _open(self, name: Literal["synthetic", "real"], record: SourceRecord, console: Console) -> Any:
        """Opens the data set of the training, or the one given in its place, with the options of the training."""
        return open_as_trained(console, record, getattr(self, name), **options_of(self, name))


def _open_browser(url: str) -> None:
    import threading
    import webbrowser

    # webbrowser.open may wait for the browser, and the browser waits for the server of this process.
    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
