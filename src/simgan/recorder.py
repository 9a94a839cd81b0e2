"""Writes down what happens in a training: progress lines, metrics.jsonl, TensorBoard events, sample pictures."""

import json
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

from rich.console import Console
from tensorboardX import SummaryWriter

from simgan.budget import Weight
from simgan.config import TrainConfig
from simgan.errors import RunError
from simgan.history import HistoryBuffer
from simgan.loop import ADVERSARIAL, DISCRIMINATOR_PRETRAIN, PHASES, REFINER_PRETRAIN
from simgan.progress import progress_bar
from simgan.sheet import picture_sheet
from simgan.steps import Batch

Item = TypeVar("Item")


class WaitClock:
    """Adds up the time that a consumer waits for its iterators."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def watch(self, items: Iterator[Item]) -> Iterator[Item]:
        """Passes `items` on."""
        while True:
            start = time.perf_counter()
            item = next(items)
            self.seconds += time.perf_counter() - start
            yield item


class Samples(NamedTuple):
    """The images of the sample pictures: always the same, so that pictures can be compared."""

    synthetic: Batch
    real: Batch


class Recorder:
    """Observer of the training loop; use it as a context manager.

    Args:
        folder: the run folder, which exists.
        config: gives the phases' lengths and intervals.
        history: its fill is recorded.
        weight: of self-regularisation; its gauges are recorded.
        waiting: clock of the input.
        samples: images for the sample pictures.
        refine: R as it is now, on a batch.
        console: where progress goes.
    """

    def __init__(
        self,
        folder: Path,
        config: TrainConfig,
        history: HistoryBuffer,
        weight: Weight,
        waiting: WaitClock,
        samples: Samples,
        refine: Callable[[Batch], Batch],
        console: Console,
    ) -> None:
        self._folder, self._history, self._weight, self._waiting = folder, history, weight, waiting
        self._samples, self._refine, self._console = samples, refine, console
        self._sample_every = config.sample_every
        lengths = (config.refiner_pretrain_steps, config.discriminator_pretrain_steps, config.steps)
        self._lengths = dict(zip(PHASES, lengths, strict=True))
        self._every = dict(zip(PHASES, config.log_every, strict=True))
        self._sums: dict[str, Any] = defaultdict(float)
        self._since = 0
        self._start_interval()

    def __enter__(self) -> Self:
        self._metrics = (self._folder / "metrics.jsonl").open("a", encoding="utf-8")
        self._events = SummaryWriter(str(self._folder))
        self._progress = progress_bar(self._console, "steps")
        self._tasks = {
            phase: self._progress.add_task(phase.replace("_", " "), total=length, visible=False)
            for phase, length in self._lengths.items()
        }
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        self._events.close()
        self._metrics.close()

    def step(self, phase: str, number: int, *losses: NamedTuple) -> None:
        """See `simgan.loop.Observer.step`."""
        self._since += 1
        for group in losses:
            network = type(group).__name__.removesuffix("Losses").lower()
            for name, value in group._asdict().items():
                self._sums[f"{network}_{name}"] += value
        last = number == self._lengths[phase]
        self._progress.update(self._tasks[phase], completed=number, visible=True)
        if number % self._every[phase] == 0 or last:
            self._write(phase, number)
        if phase == ADVERSARIAL and (number % self._sample_every == 0 or last):
            self.picture(number)

    def picture(self, step: int) -> None:
        """Draws samples/step_*.png with R as it is now."""
        folder = self._folder / "samples"
        folder.mkdir(exist_ok=True)
        synthetic, real = self._samples
        picture_sheet(synthetic, self._refine(synthetic), real).save(folder / f"step_{step:06d}.png")

    def _write(self, phase: str, number: int) -> None:
        means = {name: float(total) / self._since for name, total in self._sums.items()}
        _check_finite(means, f"{phase} step {number}")
        seconds = time.perf_counter() - self._started
        rates = {
            "history_fill": round(len(self._history) / self._history.capacity, 4) if self._history.capacity else 1.0,
            "steps_per_second": round(self._since / seconds, 4),
            "waiting_for_data": round((self._waiting.seconds - self._waited) / seconds, 4),
        }
        gauges = self._weight.gauges() if phase == ADVERSARIAL else {}
        values = {name: round(value, 6) for name, value in (means | gauges).items()} | rates
        self._metrics.write(json.dumps({"phase": phase, "step": number, **values}) + "\n")
        self._metrics.flush()
        done = sum(self._lengths[earlier] for earlier in PHASES[: PHASES.index(phase)]) + number
        for name, value in values.items():
            self._events.add_scalar(f"{phase}/{name}", value, done)
        shown = "  ".join(f"{label} {means[name]:.4f}" for name, label in _SHOWN[phase].items())
        rate = f"{rates['steps_per_second']:.2f} steps/s, {100 * rates['waiting_for_data']:.1f} % waiting for data"
        steered = "".join(f"{_GAUGES[name]} {value:.2f}  " for name, value in gauges.items())
        line = f"{phase.replace('_', ' ')} {number}/{self._lengths[phase]}: {shown}  {steered}{rate}"
        self._console.print(line, highlight=False, soft_wrap=True)
        self._sums.clear()
        self._since = 0
        self._start_interval()

    def _start_interval(self) -> None:
        self._started = time.perf_counter()
        self._waited = self._waiting.seconds


_OF_D = {
    "discriminator_total": "D loss",
    "discriminator_real_accuracy": "D right on real",
    "discriminator_refined_accuracy": "on refined",
}
# What a progress line shows of a phase, and what it calls it.
_SHOWN = {
    REFINER_PRETRAIN: {"refiner_self_regularisation": "R self-regularisation"},
    DISCRIMINATOR_PRETRAIN: _OF_D,
    ADVERSARIAL: {"refiner_adversarial": "R adversarial", "refiner_self_regularisation": "self-regularisation"}
    | _OF_D,
}
_GAUGES = {"self_regularisation_weight": "its weight", "measured_drift": "drift, px"}


def _check_finite(means: dict[str, float], where: str) -> None:
    for name, value in means.items():
        if not math.isfinite(value):
            raise RunError(f"{where}: expected a finite {name}, received {value}; lower the learning rates.")
