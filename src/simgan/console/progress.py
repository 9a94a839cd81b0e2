"""The progress bar of everything that takes longer than a second: count, rate, time left."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from simgan.errors import escaped

_INTERVAL = 0.05  # s between two updates: the bar is drawn ten times a second


class RateColumn(ProgressColumn):
    """Shows the rate over the last seconds, such as '12.3 images/s'."""

    def __init__(self, unit: str) -> None:
        super().__init__(table_column=Column(no_wrap=True))
        self._unit = unit

    def render(self, task: Task) -> Text:
        """The rate as text, blank until it is known."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.3g} {self._unit}/s" if speed else "")


def progress_bar(console: Console, unit: str) -> Progress:
    """A progress bar that counts `unit`, such as 'images'."""
    return Progress(
        TextColumn("{task.description:<22}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(unit),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
    )


@contextmanager
def show_progress(console: Console, description: str, unit: str = "images") -> Iterator[Callable[[int, int], None]]:
    """Shows a bar, and yields the function `on_progress(done, total)` that moves it.

    The function is cheap: it may be called after each of millions of images.
    """
    with progress_bar(console, unit) as progress:
        # The bar is hidden until the first progress: an error at the start would leave an empty bar on the screen.
        task = progress.add_task(escaped(description), total=None, visible=False)
        last_update = -math.inf

        def on_progress(done: int, total: int) -> None:
            nonlocal last_update
            now = time.monotonic()
            if done == total or now - last_update >= _INTERVAL:
                last_update = now
                progress.update(task, completed=done, total=total, visible=True)

        yield on_progress
